"""The k best of every row, exactly.

Selection, not multiplication, is the cost of ranking a large catalogue. The maxima over groups of columns find, in one
cheap pass, the only groups that can hold one of the k best: an item among them has at most k - 1 groups with a greater
maximum. With groups of sqrt(n / k) columns about 2 sqrt(n k) numbers per row are sorted instead of n.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

GROUPED_FROM = 4096  # below, sorting everything is as quick
CELLS = 16_000_000  # scores held at once by `search`


def top_k(scores: Tensor, k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Column numbers and values of the k largest of each row of `scores` [b, n], best first.

    Scores of -inf are never chosen: their places, and those beyond n, hold item -1 and score -inf. Equal scores may
    come in any order.
    """
    b, n = scores.shape
    items = np.full((b, k), -1, dtype=np.int64)
    values = np.full((b, k), -np.inf, dtype=np.float32)
    if n and b:
        best, index = _select(scores.float(), min(k, n))
        chosen = best.cpu().numpy()
        values[:, : chosen.shape[1]] = chosen
        items[:, : chosen.shape[1]] = np.where(np.isneginf(chosen), -1, index.cpu().numpy())
    return items, values


def search(queries: Tensor, vectors: Tensor, k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The k vectors [n, d] with the largest products with every query [m, d]: numbers and products, both [m, k]."""
    step = max(1, CELLS // max(len(vectors), 1))
    transposed = vectors.t().contiguous()
    parts = [top_k(block @ transposed, k) for block in queries.split(step)]
    if not parts:
        return np.zeros((0, k), dtype=np.int64), np.zeros((0, k), dtype=np.float32)
    return np.concatenate([items for items, _ in parts]), np.concatenate([values for _, values in parts])


def _select(scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
    n = scores.shape[1]
    size = math.isqrt(n // k)
    if n < GROUPED_FROM or size < 2:
        best = torch.topk(scores, k, dim=1)
        return best.values, best.indices
    # Group g holds the columns g, g + groups, g + 2 groups, …: the maximum then runs over whole rows of memory.
    groups = n // size
    whole = groups * size
    maxima = scores[:, :whole].view(-1, size, groups).amax(dim=1)
    chosen = torch.topk(maxima, min(k, groups), dim=1, sorted=False).indices
    rest = torch.arange(whole, n, device=scores.device).expand(len(scores), -1)
    column = (chosen[:, None, :] + groups * torch.arange(size, device=scores.device)[:, None]).flatten(1)
    column = torch.cat([column, rest], dim=1)
    best = torch.topk(scores.gather(1, column), k, dim=1)
    return best.values, column.gather(1, best.indices)
