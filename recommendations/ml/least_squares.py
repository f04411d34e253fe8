"""Regularised least squares for many rows of different lengths at once."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recommendations.ml.ragged import Int64

CELLS = 4_000_000  # numbers of gathered factors held at once


def blocks(offsets: Int64, width: int) -> Iterator[tuple[NDArray[np.int64], Tensor, Tensor]]:
    """Rows of like length together: their numbers, flat positions [b, l] and valid [b, l]; empty rows are left out."""
    lengths = np.diff(offsets)
    order = np.argsort(lengths, kind="stable")
    order = order[lengths[order] > 0]
    while len(order):
        longest = np.maximum.accumulate(lengths[order])
        count = max(1, int((longest * np.arange(1, len(order) + 1) * width <= CELLS).sum()))
        rows, order = order[:count], order[count:]
        column = np.arange(lengths[rows].max())
        valid = column < lengths[rows][:, None]
        position = np.where(valid, offsets[:-1][rows][:, None] + column, 0)
        yield rows, torch.from_numpy(position), torch.from_numpy(valid)


@dataclass(frozen=True)
class Entries:
    """The known cells of the rows of a sparse matrix: offsets int64 [b + 1]; index int64 [n], the column of every cell;
    weight, value: float32 [n]."""

    offsets: Int64
    index: Tensor
    weight: Tensor
    value: Tensor

    def __len__(self) -> int:
        return len(self.offsets) - 1


def solve(entries: Entries, factors: Tensor, gram: Tensor, ridge: Tensor) -> Tensor:
    """Row vectors x_r that minimise sum_j weight_j (value_j - x_r . f_j)^2 + x_r' (gram + ridge_r I) x_r: [b, d].

    factors: [columns, d]; gram: [d, d]; ridge: [b]. Rows without entries are 0.
    """
    d = factors.shape[1]
    result = factors.new_zeros(len(entries), d)
    identity = torch.eye(d)
    for rows, position, valid in blocks(entries.offsets, d):
        gathered = factors[entries.index[position]]
        weighted = gathered * torch.where(valid, entries.weight[position], 0.0)[..., None]
        left = weighted.transpose(1, 2) @ gathered + gram + ridge[rows][:, None, None] * identity
        right = (weighted * entries.value[position][..., None]).sum(dim=1)
        result[rows] = torch.cholesky_solve(right[..., None], torch.linalg.cholesky(left))[..., 0]
    return result
