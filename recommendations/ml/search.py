"""The k vectors of a catalogue with the largest products with a query, exactly.

Products are first taken of whole numbers of 16 bits, twice as fast as those of float32. How far such a product can be
from the exact one is bounded (Cauchy-Schwarz on what rounding took away), so that a limit a little below the k-th
largest leaves out nothing that could be among the best. What is left, a few more than k, is judged in float32.

The limit is guessed from the items seen so far, which come in random order, and the guess is checked in the end: the
few queries for which it was too high are answered from all their products, as all are where numba is not installed, and
on a GPU. The loops are in `scan`.
"""

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recommendations.ml.ragged import Int64
from recommendations.ml.topk import top_k

Float32 = NDArray[np.float32]
Int16 = NDArray[np.int16]

QUERIES = 512  # that a thread looks through the items for at once
SURE = 3.0  # standard deviations by which more is let through than the items seen so far tell
FEWEST = 40  # items for every place wanted, below which a limit leaves out too little
SMALLEST = 1e-30  # of the numbers that are scaled by their largest
CELLS = 64_000_000  # products that all threads hold together where every one is looked at


class Index:
    """Vectors [n, d] made ready for being searched, in two copies: in float32, and as whole numbers.

    Their mean is taken from them: that changes no order, and makes what is rounded smaller.
    """

    def __init__(self, vectors: Tensor) -> None:
        self.vectors = vectors.float()
        self.on_cpu = vectors.device.type == "cpu"
        able = self.on_cpu and find_spec("numba") is not None
        self.scanned = able and self.vectors.numel() > 0 and bool(self.vectors.isfinite().all())
        if not self.scanned:
            return
        from recommendations.ml.scan import COLUMNS

        self.order = torch.randperm(len(vectors), generator=torch.Generator().manual_seed(0)).numpy()
        self.mean = self.vectors.mean(dim=0)
        self.vectors = (self.vectors - self.mean)[self.order]
        self.largest = min(2**15 - 1, math.isqrt((2**31 - 1) // self.vectors.shape[1]))  # products fit in 32 bits
        scaled = self.vectors * (self.largest / self.vectors.abs().max().clamp(min=SMALLEST))
        rounded = scaled.round()
        self.radius, self.lost = (float(of.norm(dim=1).max()) for of in (scaled, scaled - rounded))
        self.items = _in_blocks(rounded, COLUMNS)

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
                blocks = min(m, threads * math.ceil(m / (QUERIES * threads)))
                left = np.concatenate(list(pool.map(narrow, np.array_split(left, blocks))))
            step = max(1, min(QUERIES, CELLS // (threads * max(n, 1))))
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
        """Numbers and products [b, k] of the best for `queries` [b, d], and for which [b] they are not known."""
        from recommendations.ml import scan

        b = len(queries)
        scaled = queries * (self.largest / queries.abs().amax(dim=1, keepdim=True).clamp(min=SMALLEST))
        rounded = scaled.round()
        error = (scaled - rounded).norm(dim=1) * self.radius + rounded.norm(dim=1) * self.lost
        error += scaled.norm(dim=1) * (queries.shape[1] * 2.0**-22 * self.radius)  # of the products in float32
        margins = (2 * error.double()).ceil()
        blocks = _in_blocks(rounded, scan.ROWS)
        rows = scan.nothing_known(len(self.vectors), k, len(blocks) * scan.ROWS)
        rows.margins[:b] = margins.nan_to_num()
        rows.limits[:b][~margins.isfinite().numpy()] = rows.limits[b:] = scan.NONE
        scan.scan(blocks, self.items, SURE, rows)
        scan.judge(queries.numpy(), self.vectors.numpy(), rows)
        counts = rows.counts[:b]
        best = np.sort(rows.keys[:b, : max(int(counts.max()), k)], axis=1)[:, : -k - 1 : -1]
        values = scan.ordered(best >> 32).astype(np.int32).view(np.float32)
        return *self._as_given(best & scan.ITEM, values, queries), counts == 0


def _in_blocks(rounded: Tensor, size: int) -> Int16:
    """Whole numbers [n, d] as [blocks, d / 2, size, 2], with 0 where there are none."""
    n, d = rounded.shape
    whole = torch.nn.functional.pad(rounded.short(), (0, d % 2, 0, -n % size))
    return whole.view(-1, size, (d + 1) // 2, 2).transpose(1, 2).contiguous().numpy()


@contextmanager
def _pool(threads: int) -> Iterator[ThreadPoolExecutor]:
    """Threads each of whose torch operations runs in that thread alone; how others compute is left as it was."""
    before = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield pool
    finally:
        torch.set_num_threads(before)
