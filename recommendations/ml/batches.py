"""Histories as batches with next to no padding: windows of like size together, a fixed number of events a batch."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recommendations.ml import distributed
from recommendations.ml.histories import Histories
from recommendations.ml.ragged import Int64, offsets_of, row_of, spans


@dataclass(frozen=True)
class Batch:
    """`b` windows of at most `s` moments and `l` events, `m` moments to predict from and `t` items to predict.

    A moment is what happens at once: a basket where baskets are sets, a single event otherwise.
    item, type, moment: int64 [b, l], where `moment` is the column 0 … s - 1 of the event's moment; valid: bool [b, l],
    false = padding (the item is then `n_items`). time: int64 [b, s] of moments; moment_valid: bool [b, s].
    query_row, query_column: int64 [m]; target_query: int64 [t], which query; target_item: int64 [t];
    target_weight: float32 [t].
    """

    item: Tensor
    type: Tensor
    moment: Tensor
    valid: Tensor
    time: Tensor
    moment_valid: Tensor
    query_row: Tensor
    query_column: Tensor
    target_query: Tensor
    target_item: Tensor
    target_weight: Tensor

    def to(self, device: str) -> Self:
        """The same batch on another device."""
        return type(self)(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})


class Moments:
    """Histories divided into moments: moment `i` holds the events start[i] … start[i] + size[i] - 1.

    start, size: int64 [moments]; offsets: int64 [b + 1], the moments of every row.
    """

    def __init__(self, histories: Histories, *, n_items: int, baskets: bool) -> None:
        self.histories, self.n_items = histories, n_items
        n = len(histories.item)
        number = histories.moment if baskets else np.arange(n) - histories.offsets[:-1][histories.row]
        first = np.ones(n, dtype=bool)
        first[1:] = (number[1:] != number[:-1]) | (histories.row[1:] != histories.row[:-1])
        self.start = np.flatnonzero(first)
        self.size = np.diff(np.append(self.start, n))
        self.offsets = offsets_of(np.bincount(histories.row[self.start], minlength=len(histories)))
        self.event_offsets = np.append(self.start, n)

    def events(self, first: Int64, count: Int64) -> Int64:
        """Number of events of every run of `count` moments from `first`."""
        return self.event_offsets[first + count] - self.event_offsets[first]

    def batch(self, first: Int64, count: Int64, query_row: Int64, query_column: Int64, **targets: Tensor) -> Batch:
        """Windows of `count` moments from `first` (both [b]) as a batch."""
        column = np.arange(count.max())
        moment_valid = column < count[:, None]
        index = np.where(moment_valid, first[:, None] + column, 0)
        lengths = self.events(first, count)
        valid = np.arange(lengths.max()) < lengths[:, None]
        position = spans(self.start[first], lengths)
        item = np.full(valid.shape, self.n_items, dtype=np.int64)
        item[valid] = self.histories.item[position]
        kind = np.zeros(valid.shape, dtype=np.int64)
        kind[valid] = self.histories.type[position]
        moment = np.zeros(valid.shape, dtype=np.int64)
        moment[valid] = np.repeat(np.broadcast_to(column, index.shape)[moment_valid], self.size[index[moment_valid]])
        arrays = {
            "item": item,
            "type": kind,
            "moment": moment,
            "valid": valid,
            "time": np.where(moment_valid, self.histories.time[self.start[index]], 0),
            "moment_valid": moment_valid,
            "query_row": query_row,
            "query_column": query_column,
        }
        return Batch(**{name: torch.from_numpy(array) for name, array in arrays.items()}, **targets)


class TrainingBatches:
    """Training windows over histories; every moment that is followed by another is predicted from once an epoch.

    A history of more than `length` moments is cut into windows that overlap by half, so that no prediction beyond the
    first window is made with less than half a window behind it. The target of a moment is the whole next one, a set.
    """

    def __init__(self, moments: Moments, *, weight: NDArray[np.float32], length: int, events: int) -> None:
        """weight: float32 [n], of every event as a target. length: moments a window. events: events a batch."""
        self.moments, self.weight, self.events = moments, weight, events
        stride = max(1, length // 2)
        followed = np.diff(moments.offsets) - 1  # the last moment of a row has no successor
        count = np.where(followed > 0, 1 + np.maximum(0, -(-(followed - length) // stride)), 0)
        self.row = row = row_of(offsets_of(count))
        number = np.arange(len(row)) - offsets_of(count)[:-1][row]
        stop = np.minimum(length + number * stride, followed[row])
        start = np.maximum(0, stop - length)
        self.first = moments.offsets[:-1][row] + start
        self.count = stop - start
        self.fresh = np.where(number == 0, 0, length + (number - 1) * stride) - start
        self.size = moments.events(self.first, self.count)

    def __len__(self) -> int:
        """Batches an epoch, about."""
        return max(1, round(self.size.sum() / self.events))

    def halve(self) -> bool:
        """Make batches half as large, down to 64 events."""
        self.events = max(64, self.events // 2)
        return self.events > 64

    def epoch(self, generator: np.random.Generator) -> Iterator[Batch]:
        """All windows once, in random batches of like size."""
        if not len(self.size):
            return
        order = np.argsort(self.size + generator.random(len(self.size)), kind="stable")
        events = max(1, self.events // distributed.world())
        cuts = np.flatnonzero(np.diff(np.cumsum(self.size[order]) // events)) + 1
        groups = np.split(order, cuts)
        for index in distributed.share(generator.permutation(len(groups))):
            yield self.of_windows(groups[index])

    def of_windows(self, windows: Int64) -> Batch:
        """The given windows as one batch; `row` [windows] says whose they are."""
        first, count, fresh = self.first[windows], self.count[windows], self.fresh[windows]
        query_row = row_of(offsets_of(count - fresh))
        query_column = spans(fresh, count - fresh)
        following = first[query_row] + query_column + 1
        target = spans(self.moments.start[following], self.moments.size[following])
        return self.moments.batch(
            first,
            count,
            query_row,
            query_column,
            target_query=torch.from_numpy(row_of(offsets_of(self.moments.size[following]))),
            target_item=torch.from_numpy(self.moments.histories.item[target].astype(np.int64)),
            target_weight=torch.from_numpy(self.weight[target]),
        )


def scoring_batches(moments: Moments, *, length: int, events: int) -> Iterator[tuple[Int64, Batch]]:
    """Rows and batch of the last `length` moments of all histories that are not empty; each is asked at its last."""
    count = np.minimum(np.diff(moments.offsets), length)
    first = moments.offsets[1:] - count
    size = moments.events(first, count)
    order = np.argsort(size, kind="stable")
    order = order[size[order] > 0]
    none = torch.zeros(0, dtype=torch.int64)
    for rows in np.split(order, np.flatnonzero(np.diff(np.cumsum(size[order]) // events)) + 1):
        if len(rows):
            yield rows, moments.batch(
                first[rows], count[rows], np.arange(len(rows)), count[rows] - 1,
                target_query=none, target_item=none, target_weight=none.float(),
            )  # fmt: skip
