"""Histories: what some customers did, in time order, as one flat table with offsets."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from recommendations.ml.ragged import Int64, offsets_of, row_of, spans


@dataclass(frozen=True)
class Histories:
    """The events of `b` customers, oldest first within a row.

    offsets: int64 [b + 1]; item: int32 [n] index into the catalogue; type: int8 [n] event-type code;
    time: int64 [n] unix seconds; value: float32 [n].
    """

    offsets: Int64
    item: NDArray[np.int32]
    type: NDArray[np.int8]
    time: Int64
    value: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def lengths(self) -> Int64:
        """Events a row: int64 [b]."""
        return np.diff(self.offsets)

    @cached_property
    def row(self) -> Int64:
        """Row of every event: int64 [n]."""
        return row_of(self.offsets)

    def pick(self, positions: Int64, lengths: Int64) -> Self:
        """A new table of the events at `positions`, cut into rows of `lengths`."""
        return type(self)(
            offsets=offsets_of(lengths),
            item=self.item[positions],
            type=self.type[positions],
            time=self.time[positions],
            value=self.value[positions],
        )

    def rows(self, rows: NDArray[np.integer]) -> Self:
        """The given rows, in the given order (a row may be asked for twice)."""
        lengths = self.lengths[rows]
        return self.pick(spans(self.offsets[:-1][rows], lengths), lengths)

    def slice(self, start: int, stop: int) -> Self:
        """Rows start … stop - 1."""
        return self.rows(np.arange(start, min(stop, len(self))))

    def tail(self, n: int) -> Self:
        """The last `n` events of every row."""
        lengths = np.minimum(self.lengths, n)
        return self.pick(spans(self.offsets[1:] - lengths, lengths), lengths)

    def keep(self, mask: NDArray[np.bool_]) -> Self:
        """The events where `mask` [n] is true; rows may become empty."""
        lengths = np.bincount(self.row[mask], minlength=len(self)).astype(np.int64)
        return self.pick(np.flatnonzero(mask), lengths)

    @cached_property
    def moment(self) -> Int64:
        """Number of the moment (events of a row at the same time) within its row, from 0: int64 [n]."""
        if len(self.item) == 0:
            return np.zeros(0, dtype=np.int64)
        starts = np.ones(len(self.item), dtype=bool)
        starts[1:] = (self.time[1:] != self.time[:-1]) | (self.row[1:] != self.row[:-1])
        running = np.cumsum(starts) - 1
        return running - running[self.offsets[:-1][self.row]]


def steps_back(histories: Histories, *, baskets: bool) -> Int64:
    """Steps from every event to the last of its row: moments when baskets are sets, events otherwise. int64 [n]."""
    step = histories.moment if baskets else np.arange(len(histories.item)) - histories.offsets[:-1][histories.row]
    last = np.zeros(len(histories), dtype=np.int64)
    np.maximum.at(last, histories.row, step)
    return last[histories.row] - step
