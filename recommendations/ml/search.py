"""The k vectors of a catalogue with the largest products with a query, exactly.

Products are taken in bfloat16, which processors multiply several times as fast as float32, and which are half as much
to look through. How far such a product can be from the exact one is bounded (Cauchy-Schwarz on what rounding took
away), so that a limit a little below the k-th largest leaves out nothing that could be among the best. What is left, a
few more than k, is judged in float32.

The limit is guessed from a random twelfth of the catalogue, and the guess is checked in the end: the few queries for
which it was too high are answered from all their products. Every tile of products is looked through while it lies in
the cache: first the maxima of groups, then the members of those that reach the limit.
"""

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import local

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recommendations.ml.devices import multiplies_bfloat16
from recommendations.ml.ragged import Int64
from recommendations.ml.topk import top_k

Float32 = NDArray[np.float32]
Int16 = NDArray[np.int16]

ROWS, TILE = 1024, 2048  # queries and items whose products are taken at once: what is read again is still in the cache
GROUP = 8  # items whose maximum stands for them
SAMPLE = 12  # the limit is guessed from one tile in so many
SURE = 2.0  # standard deviations by which more is let through than the sample tells
CROWDED = 3  # a query whose limit more than one group in so many reaches gains nothing from it
FEWEST = 40  # items for every place wanted, below which a limit leaves out too little
CELLS = 64_000_000  # products that all threads hold together where every one is looked at
ROUNDED = 1.01 * 2.0**-8  # of a number that becomes a bfloat16
GATHERED = 1 << 18  # numbers of candidates' vectors held at once


class Index:
    """Vectors [n, d] made ready for being searched, in two copies: as they are, and in the type that multiplies best.

    The mean is taken from the second: that changes no order, makes what is rounded smaller, and the best positive, so
    that their bits are ordered as they are.
    """

    def __init__(self, vectors: Tensor) -> None:
        self.vectors = vectors.float().contiguous()
        self.on_cpu = vectors.device.type == "cpu"
        if not self.on_cpu or len(vectors) < FEWEST:
            return
        self.order = torch.randperm(len(vectors), generator=torch.Generator().manual_seed(0)).numpy()
        centred = (self.vectors - self.vectors.mean(dim=0))[self.order]
        low = centred.bfloat16() if multiplies_bfloat16("cpu") else centred
        self.reach, self.radius = _longest(self.vectors), _longest(centred)
        self.lost = _longest(centred - low.float())
        self.tiles = torch.nn.functional.pad(low, (0, 0, 0, -len(vectors) % GROUP)).split(TILE)
        self.memory = local()

    def search(self, queries: Tensor, k: int) -> tuple[Int64, Float32]:
        """Numbers and products, both [m, k], of the best for `queries` [m, d], the best first; -1 and -inf beyond n.

        Every thread takes queries of its own: threads that share one small product wait for each other.
        """
        m, n = len(queries), len(self.vectors)
        queries = queries.float()
        items, values = np.full((m, k), -1, dtype=np.int64), np.full((m, k), -np.inf, dtype=np.float32)
        every = np.arange(m)
        threads = torch.get_num_threads() if self.on_cpu else 1
        with _pool(threads) as pool:

            def narrow(rows: Int64) -> Int64:
                block = _Block(self, queries[rows], k)
                items[rows], values[rows] = block.best()
                return rows[block.missed]

            def widen(rows: Int64) -> None:
                items[rows], values[rows] = top_k(queries[rows] @ self.vectors.t(), k)

            if self.on_cpu and 0 < k * FEWEST <= n:
                missed = pool.map(narrow, (every[start : start + ROWS] for start in range(0, m, ROWS)))
                every = np.concatenate([every[:0], *missed])
            step = max(1, min(ROWS, CELLS // (threads * max(n, 1))))
            list(pool.map(widen, (every[start : start + step] for start in range(0, len(every), step))))
        return items, values


class _Block:
    """At most ROWS queries on their way through the tiles. What a thread needs for it, it keeps for its next one.

    Scores are looked at as the bits of bfloat16, int16: those of positive numbers are ordered as the numbers are.
    """

    def __init__(self, index: Index, queries: Tensor, k: int) -> None:
        self.index, self.queries, self.k = index, queries, k
        low = queries.to(index.tiles[0].dtype)
        self.low = low.t().contiguous()
        kept, length = low.float(), queries.norm(dim=1)
        lost = (queries - kept).norm(dim=1) * index.radius + kept.norm(dim=1) * index.lost
        self.error = (lost + length * (queries.shape[1] * 2.0**-22 * index.reach)).numpy()
        self.missed = np.zeros(len(queries), dtype=np.bool_)

    def best(self) -> tuple[Int64, Float32]:
        """Numbers and products [b, k]; what they are where `missed` means nothing."""
        limit = self._limit()
        keys = np.concatenate([self._reaching(number, limit) for number in range(len(self.index.tiles))])
        keys.sort()
        row, bits = keys >> 48, (0x7FFF - (keys >> 32 & 0x7FFF)).astype(np.int16)
        count = np.bincount(row, minlength=len(limit))
        last = np.cumsum(count) - count + self.k - 1
        bound = self._below(_numbers(np.append(bits, np.int16(0))[np.minimum(last, len(bits))]))
        self.missed |= (count < self.k) | ~(bound >= _numbers(limit))
        kept = np.flatnonzero((bits >= _bits(bound)[row]) & ~self.missed[row])
        return self._judged(row[kept], keys[kept] & 0xFFFFFFFF)

    def _limit(self) -> Int16:
        """What the best of every query are guessed to reach [b]."""
        tiles = self.index.tiles[::SAMPLE]
        peaks = np.concatenate([self._products(tile)[1].copy() for tile in tiles]).T.copy()
        share = self.k * sum(len(tile) for tile in tiles) / len(self.index.vectors)
        place = min(math.ceil(share + SURE * math.sqrt(share)), peaks.shape[1])
        limit = _bits(self._below(_numbers(np.partition(peaks, -place, axis=1)[:, -place])))
        crowded = (peaks >= limit[:, None]).sum(axis=1) * CROWDED > peaks.shape[1]
        self.missed |= crowded | (limit <= 0)
        return np.where(self.missed, np.int16(0x7FFF), limit)

    def _below(self, value: Float32) -> Float32:
        """What the k best reach in low precision [b], where k items have at least `value` [b] in it."""
        return ((value * (1 - ROUNDED) - 2 * self.error) / (1 + ROUNDED)).astype(np.float32)

    def _products(self, tile: Tensor) -> tuple[Int16, Int16]:
        """Bits of the products [w, b] with a tile, and the largest of every group [w / GROUP, b]; until the next."""
        shape = len(tile), self.low.shape[1]
        memory = self.index.memory
        if not hasattr(memory, "products"):
            memory.exact = torch.empty(TILE * ROWS, dtype=self.low.dtype)
            memory.products = memory.exact.new_empty(TILE * ROWS, dtype=torch.bfloat16)
            memory.peaks = memory.products.new_empty(TILE * ROWS // GROUP, dtype=torch.int16)
        products = memory.products[: shape[0] * shape[1]].view(shape)
        if self.low.dtype == products.dtype:
            torch.mm(tile, self.low, out=products)
        else:
            products.copy_(torch.mm(tile, self.low, out=memory.exact[: products.numel()].view(shape)))
        bits = products.view(torch.int16)
        peaks = memory.peaks[: bits.numel() // GROUP].view(-1, shape[1])
        torch.amax(bits.view(-1, GROUP, shape[1]), dim=1, out=peaks)
        return bits.numpy(), peaks.numpy()

    def _reaching(self, number: int, limit: Int16) -> Int64:
        """What of a tile reaches the limits [b]; in one number each, ordered by query and then by score, best first."""
        bits, peaks = self._products(self.index.tiles[number])
        b = len(limit)
        hit = np.flatnonzero(peaks >= limit)
        group = hit // b
        row = hit - group * b
        cells = (row + group * (GROUP * b)) + np.arange(0, GROUP * b, b)[:, None]
        values = bits.reshape(-1).take(cells)
        chosen = np.flatnonzero(values >= limit[row])
        member = chosen // max(len(hit), 1)
        hit = chosen - member * len(hit)
        item = group[hit] * GROUP + member + number * TILE
        return row[hit] << 48 | (0x7FFF - values.reshape(-1)[chosen].astype(np.int64)) << 32 | item

    def _judged(self, row: Int64, item: Int64) -> tuple[Int64, Float32]:
        """The best [b, k] by their exact products of what rows hold, which come in order."""
        count = np.bincount(row, minlength=len(self.queries))
        width = max(int(count.max()), self.k)
        first = np.arange(len(count)) * width - np.cumsum(count) + count
        items = np.zeros((len(count), width), dtype=np.int64)
        items.reshape(-1)[first[row] + np.arange(len(row))] = self.index.order[item]
        values = np.empty(items.shape, dtype=np.float32)
        vectors, queries = self.index.vectors.numpy(), self.queries.numpy()
        step = max(1, GATHERED // (width * vectors.shape[1]))
        memory = self.index.memory
        if not hasattr(memory, "gathered") or memory.gathered.size < step * width * vectors.shape[1]:
            memory.gathered = np.empty(step * width * vectors.shape[1], dtype=np.float32)
        for start in range(0, len(items), step):
            rows = slice(start, start + step)
            part = items[rows, : max(int(count[rows].max()), self.k)]
            found = memory.gathered[: part.size * vectors.shape[1]].reshape(*part.shape, -1)
            # clip: the numbers are known to be within the catalogue, and numpy then needs no copy of the result.
            np.take(vectors, part, axis=0, out=found, mode="clip")
            values[rows, : part.shape[1]] = np.matmul(found, queries[rows, :, None])[:, :, 0]
        values[np.arange(width) >= count[:, None]] = -np.inf
        order = np.argsort(-values, axis=1)[:, : self.k]
        return np.take_along_axis(items, order, axis=1), np.take_along_axis(values, order, axis=1)


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


def _bits(numbers: Float32) -> Int16:
    """Those of the next bfloat16 towards 0."""
    return (np.ascontiguousarray(numbers).view(np.int32) >> 16).astype(np.int16)


def _numbers(bits: Int16) -> Float32:
    return (bits.astype(np.int32) << 16).view(np.float32)
