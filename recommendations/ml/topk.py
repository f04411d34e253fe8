"""The k best of every row, exactly."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def top_k(scores: Tensor, k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Column numbers and values of the k largest of each row of `scores` [b, n], best first.

    Scores of -inf are never chosen: their places, and those beyond n, hold item -1 and score -inf.
    """
    b, n = scores.shape
    items = np.full((b, k), -1, dtype=np.int64)
    values = np.full((b, k), -np.inf, dtype=np.float32)
    if n and b:
        best = torch.topk(scores.float(), min(k, n), dim=1)
        chosen = best.values.cpu().numpy()
        values[:, : chosen.shape[1]] = chosen
        items[:, : chosen.shape[1]] = np.where(np.isneginf(chosen), -1, best.indices.cpu().numpy())
    return items, values
