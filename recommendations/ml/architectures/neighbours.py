"""Sparse item-to-item weights, kept for the strongest neighbours, and the scores that they give a history."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from recommendations.ml.artefacts import Arrays
from recommendations.ml.histories import Histories
from recommendations.ml.ragged import Int64, offsets_of, spans


@dataclass(frozen=True)
class Neighbours:
    """Row i of the matrix: columns[offsets[i]:offsets[i + 1]] with their values; int64 [n + 1], int32 and float32."""

    offsets: Int64
    columns: NDArray[np.int32]
    values: NDArray[np.float32]

    @classmethod
    def strongest(
        cls,
        rows: NDArray[np.integer],
        columns: NDArray[np.integer],
        values: NDArray[np.floating],
        *,
        n_items: int,
        limit: int,
    ) -> Self:
        """The `limit` largest values of every row, of cells [c] that are all different."""
        order = np.lexsort((-values, rows))
        lengths = np.bincount(rows, minlength=n_items)
        kept = order[spans(offsets_of(lengths)[:-1], np.minimum(lengths, limit))]
        offsets = offsets_of(np.minimum(lengths, limit))
        return cls(offsets, columns[kept].astype(np.int32), values[kept].astype(np.float32))

    def score(self, histories: Histories, weight: NDArray[np.floating]) -> NDArray[np.float32]:
        """Weighted sum of the rows of every history's items: float32 [b, n_items] from weights [n] of the events."""
        n_items = len(self.offsets) - 1
        lengths = np.diff(self.offsets)[histories.item]
        position = spans(self.offsets[:-1][histories.item], lengths)
        cell = np.repeat(histories.row * n_items, lengths) + self.columns[position]
        value = np.repeat(weight.astype(np.float32), lengths) * self.values[position]
        scores = torch.zeros(len(histories) * n_items)
        scores.index_add_(0, torch.from_numpy(cell), torch.from_numpy(value))
        return scores.view(len(histories), n_items).numpy()

    def arrays(self) -> Arrays:
        """For the artefact."""
        return {"offsets": self.offsets, "columns": self.columns, "values": self.values}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """From the artefact."""
        return cls(arrays["offsets"], arrays["columns"], arrays["values"])
