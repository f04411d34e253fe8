"""The k best of every row, exactly.

Selection, not multiplication, is the cost of ranking a large catalogue. The maxima over groups of columns find, in one
cheap pass, the only groups that can hold one of the k best: the k-th largest of any k or more different scores is a
bound that the best ones reach, and so must the maximum of their group. The bound comes from maxima over groups of
groups, so that about 10 k numbers per row are looked at closely instead of n.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

GROUP = 8  # columns whose maximum stands for them
COARSE = 16  # groups whose maximum stands for them when the bound is sought


def top_k(scores: Tensor, k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Column numbers and values of the k largest of each row of `scores` [b, n], best first.

    Scores of -inf are never chosen: their places, and those beyond n, hold item -1 and score -inf. Equal scores may
    come in any order.
    """
    b, n = scores.shape
    items = np.full((b, k), -1, dtype=np.int64)
    values = np.full((b, k), -np.inf, dtype=np.float32)
    if n and b and k:
        scores = scores.float()
        best, index = _select(scores, min(k, n))
        chosen = best.cpu().numpy()
        values[:, : chosen.shape[1]] = chosen
        items[:, : chosen.shape[1]] = np.where(np.isneginf(chosen), -1, index.cpu().numpy())
    return items, values


def _select(scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Values and columns [b, k] of the best of `scores` [b, n], best first.

    Group g holds the columns g, g + n // GROUP, …: the maxima then run over whole rows of memory.
    """
    group = scores.shape[1] // GROUP
    if group < 2 * k:
        best = torch.topk(scores, k, dim=1)
        return best.values, best.indices
    whole = group * GROUP
    chosen, absent = _reaching(scores[:, :whole].unflatten(1, (GROUP, group)).amax(dim=1), k)
    column = (chosen[:, None, :] + group * torch.arange(GROUP, device=scores.device)[:, None]).flatten(1)
    values = scores.gather(1, column).view(len(scores), GROUP, -1).masked_fill_(absent[:, None], -math.inf).flatten(1)
    if rest := scores.shape[1] - whole:
        beyond = torch.arange(whole, scores.shape[1], device=scores.device)
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
