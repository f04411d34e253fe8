"""The k best of every row, exactly.

Selection, not multiplication, is the cost of ranking a large catalogue. The maxima over groups of columns find, in one
cheap pass, the only groups that can hold one of the k best: the k-th largest of any k or more different scores is a
bound that the best ones reach, and so must the maximum of their group. The bound comes from maxima over groups of
groups, so that about 10 k numbers per row are looked at closely instead of n. `search` takes the maxima of a tile of
products while the tile still lies in the cache.
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

GROUP = 8  # columns whose maximum stands for them
COARSE = 16  # groups whose maximum stands for them when the bound is sought
TILE = 1024  # columns that `search` multiplies at once: with ROWS rows half a megabyte, which stays in the cache
ROWS = 128
CELLS = 64_000_000  # scores that all threads of `search` hold together


def top_k(scores: Tensor, k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Column numbers and values of the k largest of each row of `scores` [b, n], best first.

    Scores of -inf are never chosen: their places, and those beyond n, hold item -1 and score -inf. Equal scores may
    come in any order.
    """
    b, n = scores.shape
    items = np.full((b, k), -1, dtype=np.int64)
    values = np.full((b, k), -np.inf, dtype=np.float32)
    if n and b:
        scores = scores.float()
        group = n // GROUP
        whole = group * GROUP
        peaks = scores[:, :whole].unflatten(1, (GROUP, group)).amax(dim=1) if group else scores[:, :0]
        best, index = _select(scores, peaks, min(k, n), width=whole)
        chosen = best.cpu().numpy()
        values[:, : chosen.shape[1]] = chosen
        items[:, : chosen.shape[1]] = np.where(np.isneginf(chosen), -1, index.cpu().numpy())
    return items, values


def search(queries: Tensor, vectors: Tensor, k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The k vectors [n, d] with the largest products with every query [m, d]: numbers and products, both [m, k].

    On a CPU every thread takes rows of its own: threads that share one small product wait for each other.
    """
    items = np.full((len(queries), k), -1, dtype=np.int64)
    values = np.full((len(queries), k), -np.inf, dtype=np.float32)
    if not len(vectors):
        return items, values
    threads = torch.get_num_threads() if queries.device.type == "cpu" else 1
    rows = max(1, min(ROWS, CELLS // (threads * len(vectors))))
    tiles = _Tiles(vectors, rows)

    def fill(start: int) -> None:
        best, index = tiles.best(queries[start : start + rows], min(k, len(vectors)))
        values[start : start + rows, : best.shape[1]] = best.cpu().numpy()
        items[start : start + rows, : best.shape[1]] = index.cpu().numpy()

    with _pool(threads) as pool:
        list(pool.map(fill, range(0, len(queries), rows)))
    return items, values


@contextmanager
def _pool(threads: int) -> Iterator[ThreadPoolExecutor]:
    """Threads each of whose torch operations runs in that thread alone; how others compute is left as it was."""
    before = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield pool
    finally:
        torch.set_num_threads(before)


class _Tiles:
    """Vectors in tiles of equal width, and every thread's memory for their products: fresh memory for every block of
    queries would cost more than what is done with it."""

    def __init__(self, vectors: Tensor, rows: int) -> None:
        n, width = vectors.shape
        count = -(-n // TILE)
        self.n, self.rows, self.group = n, rows, -(-n // (GROUP * count))
        self.width = GROUP * self.group
        padded = vectors.new_zeros(count * self.width, width)
        padded[:n] = vectors
        self.tiles = padded.view(count, self.width, width).transpose(1, 2).contiguous()
        self.memory = local()

    def best(self, queries: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """Values and numbers [b, k] of the best for `queries` [b, d]."""
        if not hasattr(self.memory, "scores"):
            self.memory.scores = queries.new_empty(self.rows, len(self.tiles) * self.width)
            self.memory.peaks = queries.new_empty(self.rows, len(self.tiles) * self.group)
        scores, peaks = self.memory.scores[: len(queries)], self.memory.peaks[: len(queries)]
        for number, tile in enumerate(self.tiles):
            start = number * self.width
            products = scores[:, start : start + self.width]
            torch.mm(queries, tile, out=products)
            products[:, max(self.n - start, 0) :] = -math.inf
            first = number * self.group
            groups = products.unflatten(1, (GROUP, self.group))
            torch.amax(groups, dim=1, out=peaks[:, first : first + self.group])
        return _select(scores, peaks, k, width=self.width)


def _select(scores: Tensor, peaks: Tensor, k: int, *, width: int) -> tuple[Tensor, Tensor]:
    """Values and columns [b, k] of the best of `scores` [b, n], best first.

    peaks [b, groups]: maxima of groups of columns. In every `width` columns, as far as there are whole ones, stand
    width / GROUP groups, of which g holds the columns g, g + width / GROUP, …: the maxima then run over whole rows of
    memory.
    """
    if peaks.shape[1] < 2 * k:
        best = torch.topk(scores, k, dim=1)
        return best.values, best.indices
    chosen, absent = _reaching(peaks, k)
    group = width // GROUP
    first = chosen // group * width + chosen % group
    column = (first[:, None, :] + group * torch.arange(GROUP, device=scores.device)[:, None]).flatten(1)
    values = scores.gather(1, column).view(len(scores), GROUP, -1).masked_fill_(absent[:, None], -math.inf).flatten(1)
    if rest := scores.shape[1] % width:
        beyond = torch.arange(scores.shape[1] - rest, scores.shape[1], device=scores.device)
        column = torch.cat([column, beyond.expand(len(scores), -1)], dim=1)
        values = torch.cat([values, scores[:, -rest:]], dim=1)
    place = _largest(values, k)
    return values.gather(1, place), column.gather(1, place)


def _reaching(peaks: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Groups [b, w] among which are all that can hold one of the k best, and which of the places [b, w] are empty."""
    b, groups = peaks.shape
    coarse = max(1, min(COARSE, groups // (3 * k)))
    whole = groups // coarse * coarse
    maxima = peaks[:, :whole].unflatten(1, (coarse, -1)).amax(dim=1).cpu().numpy()
    # numpy selects with vector instructions; torch sorts pairs of value and place.
    bound = np.partition(maxima, maxima.shape[1] - k, axis=1)[:, -k, None]
    row, group = np.divmod(np.flatnonzero(~(peaks.cpu().numpy() < bound)), groups)
    count = np.bincount(row, minlength=b)
    chosen = np.zeros((b, count.max()), dtype=np.int64)
    absent = np.arange(count.max()) >= count[:, None]
    chosen[~absent] = group
    return torch.from_numpy(chosen).to(peaks.device), torch.from_numpy(absent).to(peaks.device)


def _largest(values: Tensor, k: int) -> Tensor:
    """Columns [b, k] of the largest of `values` [b, w], the largest first."""
    table = values.cpu().numpy()
    b, w = table.shape
    bound = np.partition(table, w - k, axis=1)[:, -k, None]
    row, column = np.divmod(np.flatnonzero(table >= bound), w)
    if len(row) != b * k or (np.bincount(row, minlength=b) != k).any():  # equal scores, or none, at the bound
        return torch.topk(values, k, dim=1).indices
    column = column.reshape(b, k)
    order = np.argsort(-np.take_along_axis(table, column, axis=1), axis=1)
    return torch.from_numpy(np.take_along_axis(column, order, axis=1)).to(values.device)
