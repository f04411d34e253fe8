"""Hiding the end of every history, to judge on it. What is hidden never reaches training."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommendations.ml.errors import ConfigError
from recommendations.ml.histories import Histories
from recommendations.ml.interactions import Interactions
from recommendations.ml.ragged import Int64, offsets_of, spans


@dataclass(frozen=True)
class HeldOut:
    """What `m` judged customers did before (`histories`) and what they did then (their target sets).

    customer: int32 [m]; target_offsets: int64 [m + 1]; target_items: int32 [t], distinct within a row;
    target_values: float32 [t], what came with them (a rating); target_times: int64 [t].
    """

    customer: NDArray[np.int32]
    histories: Histories
    target_offsets: Int64
    target_items: NDArray[np.int32]
    target_values: NDArray[np.float32]
    target_times: Int64

    def __len__(self) -> int:
        return len(self.customer)

    def rows(self, rows: NDArray[np.integer]) -> "HeldOut":
        """The given judged customers only."""
        lengths = np.diff(self.target_offsets)[rows]
        positions = spans(self.target_offsets[:-1][rows], lengths)
        return HeldOut(
            self.customer[rows],
            self.histories.rows(rows),
            offsets_of(lengths),
            self.target_items[positions],
            self.target_values[positions],
            self.target_times[positions],
        )


@dataclass(frozen=True)
class Split:
    """One way of judging: train on `train`, choose on `validation`, report on `test`.

    `development` is train and validation together: what a final model may see before the test.
    `baskets` says whether events of one customer at one time are a single moment.
    """

    name: str
    baskets: bool
    train: Interactions
    development: Interactions
    validation: HeldOut
    test: HeldOut


def leave_last_out(interactions: Interactions) -> Split:
    """Last event = test, the one before = validation, of every customer with at least three events."""
    step = np.arange(len(interactions)) - interactions.offsets[:-1][interactions.customer]
    return _leave_last(interactions, step, name="leave_last_out", baskets=False)


def leave_last_order_out(interactions: Interactions) -> Split:
    """Last moment (a customer's events at one time) = test, the one before = validation; at least three moments."""
    return _leave_last(interactions, interactions.histories.moment, name="leave_last_order_out", baskets=True)


SPLITS: dict[str, Callable[[Interactions], Split]] = {
    "leave_last_out": leave_last_out,
    "leave_last_order_out": leave_last_order_out,
}


def split_by_name(name: str, interactions: Interactions) -> Split:
    """Apply the split of that name. Raises ConfigError for an unknown one."""
    if name not in SPLITS:
        raise ConfigError(f"unknown split {name!r}; known: {', '.join(SPLITS)}")
    return SPLITS[name](interactions)


def _leave_last(interactions: Interactions, step: Int64, *, name: str, baskets: bool) -> Split:
    """Split by the step number [n] of every event within its customer, counted from 0."""
    steps = np.zeros(interactions.n_customers, dtype=np.int64)
    np.maximum.at(steps, interactions.customer, step + 1)
    judged = steps >= 3
    from_end = np.where(judged[interactions.customer], steps[interactions.customer] - 1 - step, 2)
    train, development = interactions.keep(from_end >= 2), interactions.keep(from_end >= 1)
    customers = np.flatnonzero(judged).astype(np.int32)
    return Split(
        name=name,
        baskets=baskets,
        train=train,
        development=development,
        validation=_held_out(customers, train, interactions.keep(from_end == 1)),
        test=_held_out(customers, development, interactions.keep(from_end == 0)),
    )


def _held_out(customers: NDArray[np.int32], before: Interactions, after: Interactions) -> HeldOut:
    keys = after.customer.astype(np.int64) * max(after.n_items, 1) + after.item
    pairs, first = np.unique(keys, return_index=True)
    owner, item = np.divmod(pairs, max(after.n_items, 1))
    lengths = np.bincount(owner, minlength=after.n_customers)[customers]
    histories = before.histories.rows(customers)
    offsets = offsets_of(lengths)
    return HeldOut(customers, histories, offsets, item.astype(np.int32), after.value[first], after.time[first])
