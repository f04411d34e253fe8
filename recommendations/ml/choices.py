"""Which items somebody rated says something about the ratings, whatever their stars (Koren, 2008: implicit feedback).

The table of who rated what is reduced to a few numbers a customer and a few an item: how many ratings there are, and
the leading directions of the table after its rows and columns are scaled by the roots of their sums (Dhillon, 2001).
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from recommendations.ml.artefacts import Arrays
from recommendations.ml.histories import Histories
from recommendations.ml.interactions import Interactions

SIZE = 16
LARGEST = 4.0  # in standard deviations; a lone odd row must not pull a regression its way


@dataclass(frozen=True)
class Choices:
    """directions: [n_items, k - 1], a row of the scaled table times it gives unit variance; counted: [2], mean and
    standard deviation of the logarithm of the number of ratings."""

    directions: Tensor
    counted: Tensor

    @classmethod
    def fit(cls, interactions: Interactions, *, seed: int) -> tuple[Self, Tensor]:
        """What maps a history to its numbers, and the numbers of the items [n_items, k]."""
        table = _table(interactions.histories, interactions.n_items)
        column = _sums(table, 0).clamp(min=1e-6).rsqrt()
        scaled = _scaled(table, column)
        size = min(SIZE, *table.shape)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            left, strength, right = torch.svd_lowrank(scaled, q=size, niter=6)
        # The first direction is that of the counts, which stand in the first place themselves.
        kept = slice(1, int((strength > 1e-4).sum()))
        spread = len(left) ** 0.5 / strength[kept]
        raters = torch.from_numpy(np.bincount(interactions.item, minlength=interactions.n_items))
        items = (right[:, kept] * len(right) ** 0.5).clamp(-LARGEST, LARGEST)
        logs = raters.float().log1p()
        items = torch.cat((_standard(logs, _moments(logs))[:, None], items), dim=1)
        lengths = torch.from_numpy(interactions.histories.lengths).float().log1p()
        return cls(column[:, None] * right[:, kept] * spread, _moments(lengths)), items

    def of(self, histories: Histories) -> Tensor:
        """The numbers of every history: [b, k]."""
        table = _table(histories, len(self.directions))
        directions = _scaled(table, torch.ones(len(self.directions))) @ self.directions
        lengths = torch.from_numpy(histories.lengths).float().log1p()
        return torch.cat((_standard(lengths, self.counted)[:, None], directions.clamp(-LARGEST, LARGEST)), dim=1)

    def arrays(self) -> Arrays:
        """For the artefact."""
        return {"choices.directions": self.directions.numpy(), "choices.counted": self.counted.numpy()}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """From the artefact."""
        return cls(*(torch.from_numpy(arrays[f"choices.{name}"]) for name in ("directions", "counted")))


def _table(histories: Histories, n_items: int) -> Tensor:
    """Sparse 0/1 [b, n_items]: whether the row has the item."""
    cells = np.unique(histories.row * n_items + histories.item)
    index = torch.from_numpy(np.stack(np.divmod(cells, n_items)))
    return torch.sparse_coo_tensor(
        index, torch.ones(len(cells)), (len(histories), n_items), check_invariants=False, is_coalesced=True
    )


def _scaled(table: Tensor, column: Tensor) -> Tensor:
    """The cells divided by the root of their row's sum and times `column` [n_items]."""
    row = _sums(table, 1).clamp(min=1).rsqrt()
    index = table.indices()
    values = table.values() * row[index[0]] * column[index[1]]
    return torch.sparse_coo_tensor(index, values, table.shape, check_invariants=False, is_coalesced=True)


def _sums(table: Tensor, dim: int) -> Tensor:
    return torch.bincount(table.indices()[1 - dim], minlength=table.shape[1 - dim]).float()


def _moments(values: Tensor) -> Tensor:
    return torch.stack((values.mean(), values.std(correction=0).clamp(min=1e-6)))


def _standard(values: Tensor, moments: Tensor) -> Tensor:
    return ((values - moments[0]) / moments[1]).clamp(-LARGEST, LARGEST)
