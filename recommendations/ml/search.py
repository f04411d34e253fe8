"""The k vectors of a catalogue with the largest products with a query, exactly.

Where the processor multiplies bfloat16, several times as fast as float32, products are taken in that. How far such a
product can be from the exact one is bounded (Cauchy-Schwarz on what rounding took away), so that a limit a little below
the k-th largest leaves out nothing that could be among the best. What is left, a few more than k, is judged in float32.

The limit is guessed from the items seen so far, which come in random order, and the guess is checked in the end: the
few queries for which it was too high are answered from all their products. A tile of products is looked through while
it lies in the cache, by compiled loops (`scan`); where numba is not installed, and on a GPU, all products are compared.
"""

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from threading import local

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recommendations.ml.devices import multiplies_bfloat16
from recommendations.ml.ragged import Int64
from recommendations.ml.topk import top_k

Float32 = NDArray[np.float32]

ROWS, TILE = 512, 512  # queries and items whose products are taken at once: they stay in the cache
SURE = 3.5  # standard deviations by which more is let through than the items seen so far tell
FEWEST = 40  # items for every place wanted, below which a limit leaves out too little
CELLS = 64_000_000  # products that all threads hold together where every one is looked at
ROUNDED = 1.01 * 2.0**-8  # of a number that becomes a bfloat16


class Index:
    """Vectors [n, d] made ready for being searched, in two copies: in float32, and in the type that multiplies best.

    Their mean is taken from them: that changes no order, makes what is rounded smaller, and the best positive, so that
    their bits are ordered as they are.
    """

    def __init__(self, vectors: Tensor) -> None:
        self.vectors = vectors.float()
        self.on_cpu = vectors.device.type == "cpu"
        able = self.on_cpu and find_spec("numba") is not None
        self.scanned = able and len(vectors) >= FEWEST and bool(self.vectors.isfinite().all())
        if not self.scanned:
            return
        self.order = torch.randperm(len(vectors), generator=torch.Generator().manual_seed(0)).numpy()
        self.mean = self.vectors.mean(dim=0)
        self.vectors = (self.vectors - self.mean)[self.order]
        low = self.vectors.bfloat16() if multiplies_bfloat16("cpu") else self.vectors
        self.radius, self.lost = _longest(self.vectors), _longest(self.vectors - low.float())
        whole = torch.nn.functional.pad(low, (0, 0, 0, -len(vectors) % TILE))
        self.tiles = [tile.t().contiguous() for tile in whole.split(TILE)]
        self.memory = local()

    def search(self, queries: Tensor, k: int) -> tuple[Int64, Float32]:
        """Numbers and products, both [m, k], of the best for `queries` [m, d], the best first; -1 and -inf beyond n.

        Every thread takes queries of its own: threads that share one small product wait for each other.
        """
        m, n = len(queries), len(self.vectors)
        queries = queries.float().contiguous()
        items, values = np.empty((m, k), dtype=np.int64), np.empty((m, k), dtype=np.float32)
        left = np.arange(m)
        threads = torch.get_num_threads() if self.on_cpu else 1

        def narrow(rows: Int64) -> Int64:
            items[rows], values[rows], missed = self._best(queries[rows], k)
            return rows[missed]

        def widen(rows: Int64) -> None:
            items[rows], values[rows] = self._best_of_all(queries[rows], k)

        with _pool(threads) as pool:
            if self.scanned and m and 0 < k * FEWEST <= n:
                blocks = min(m, threads * math.ceil(m / (ROWS * threads)))
                left = np.concatenate(list(pool.map(narrow, np.array_split(left, blocks))))
            step = max(1, min(ROWS, CELLS // (threads * max(n, 1))))
            list(pool.map(widen, (left[start : start + step] for start in range(0, len(left), step))))
        return items, values

    def _best_of_all(self, queries: Tensor, k: int) -> tuple[Int64, Float32]:
        """Numbers and products [b, k], from all products."""
        places, values = top_k(queries @ self.vectors.t(), k)
        return self._as_given(places, values, queries) if self.scanned else (places, values)

    def _as_given(self, places: Int64, values: Float32, queries: Tensor) -> tuple[Int64, Float32]:
        """Numbers and products [b, k] with the vectors that the index was made of."""
        items = np.where(places < 0, -1, self.order[places])
        return items, values + (queries @ self.mean).numpy()[:, None]

    def _best(self, queries: Tensor, k: int) -> tuple[Int64, Float32, NDArray[np.bool_]]:
        """Numbers and products [b, k] of the best for at most ROWS queries, and for which [b] they are not known."""
        from recommendations.ml import scan

        b, n = len(queries), len(self.vectors)
        low = queries.to(self.tiles[0].dtype)
        kept = low.float()
        lost = (queries - kept).norm(dim=1) * self.radius + kept.norm(dim=1) * self.lost
        error = lost + queries.norm(dim=1) * (queries.shape[1] * 2.0**-22 * self.radius)
        half = low.dtype == torch.bfloat16
        precision = scan.Precision(16 if half else 0, ROUNDED if half else 0.0, error.numpy())
        products, keys = self._memory(b, scan.places(k))
        bits = products.view(torch.int16 if half else torch.int32).numpy()
        rows = scan.Rows(np.ones(b, dtype=np.int32), np.zeros(b, dtype=np.int64), keys)
        for number, tile in enumerate(self.tiles):
            torch.mm(low, tile, out=products)
            seen = k * min((number + 1) * TILE / n, 1.0)
            place = min(k, math.ceil(seen + SURE * math.sqrt(seen)))
            scan.gather(bits, number * TILE, place, precision, rows)
        rows = rows._replace(keys=keys[:, : max(int(rows.counts.max()), k)])
        scan.judge(k, precision, rows, queries.numpy(), self.vectors.numpy())
        best = np.sort(rows.keys[:, : max(int(rows.counts.max()), k)], axis=1)[:, ::-1][:, :k]
        values = scan.ordered(best >> 32).astype(np.int32).view(np.float32)
        return *self._as_given(best & scan.ITEM, values, queries), rows.counts == 0

    def _memory(self, b: int, places: int) -> tuple[Tensor, Int64]:
        """Where b queries' products with a tile and their keys go; a thread uses the same again and again."""
        memory = self.memory
        if not hasattr(memory, "keys") or memory.keys.shape[1] != places:
            memory.products = torch.empty(ROWS, TILE, dtype=self.tiles[0].dtype)
            memory.keys = np.empty((ROWS, places), dtype=np.int64)
        return memory.products[:b], memory.keys[:b]


@contextmanager
def _pool(threads: int) -> Iterator[ThreadPoolExecutor]:
    """Threads each of whose torch operations runs in that thread alone; how others compute is left as it was."""
    before = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield pool
    finally:
        torch.set_num_threads(before)


def _longest(vectors: Tensor) -> float:
    return float(vectors.norm(dim=1).max())
