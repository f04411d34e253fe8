"""The k best of every row, exactly.

Selection, not multiplication, is the cost of ranking a large catalogue. The maxima over groups of columns find, in one
cheap pass, the only groups that can hold one of the k best: an item among them has at most k - 1 groups with a greater
maximum. Which maxima are the k best is found in the same way, so that about 3 k GROUP numbers per row are sorted
instead of n.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

GROUP = 8  # columns whose maximum stands for them
# Scores that `search` holds at once. So few rows stay in the cache between the product and the maxima; fewer would make
# the product itself slow. The memory is used again for every block: fresh memory costs more than what is done with it.
ROWS = 64
CELLS = 64_000_000


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
    rows = max(1, min(ROWS, CELLS // max(len(vectors), 1)))
    transposed = vectors.t().contiguous()
    scores = torch.empty(rows, len(vectors), dtype=queries.dtype, device=queries.device)
    parts = [top_k(torch.mm(block, transposed, out=scores[: len(block)]), k) for block in queries.split(rows)]
    if not parts:
        return np.zeros((0, k), dtype=np.int64), np.zeros((0, k), dtype=np.float32)
    return np.concatenate([items for items, _ in parts]), np.concatenate([values for _, values in parts])


def _select(scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
    n = scores.shape[1]
    groups = n // GROUP
    if groups < 2 * k:
        best = torch.topk(scores, k, dim=1)
        return best.values, best.indices
    # Group g holds the columns g, g + groups, g + 2 groups, …: the maximum then runs over whole rows of memory.
    whole = groups * GROUP
    _, chosen = _select(scores[:, :whole].view(-1, GROUP, groups).amax(dim=1), k)
    step = groups * torch.arange(GROUP, device=scores.device)
    rest = torch.arange(whole, n, device=scores.device).expand(len(scores), -1)
    column = torch.cat([(chosen[:, None, :] + step[:, None]).flatten(1), rest], dim=1)
    best = torch.topk(scores.gather(1, column), k, dim=1)
    return best.values, column.gather(1, best.indices)
