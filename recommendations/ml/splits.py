"""Hiding the end of every history, to judge on it. What is hidden never reaches training."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommendations.ml.errors import ConfigError
from recommendations.ml.histories import Histories
from recommendations.ml.interactions import Interactions
from recommendations.ml.ragged import Int64, offsets_of, spans

PERIODS = (0.8, 0.9)  # shares of all events after which the validation and the test of `temporal` begin


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


def temporal(interactions: Interactions) -> Split:
    """What happened after 80% of all events = validation, after 90% = test, for everybody at the same moment.

    Judged is who did something before and something in the period; its target is all that it did then. Nothing that
    happened later than the judged period begins reaches the model, not even of other customers.
    """
    n = len(interactions)
    times = np.sort(interactions.time)
    first, second = (times[min(int(n * share), n - 1)] if n else 0 for share in PERIODS)
    train, development = (interactions.keep(interactions.time < moment) for moment in (first, second))
    between = interactions.keep((interactions.time >= first) & (interactions.time < second))
    later = interactions.keep(interactions.time >= second)
    return Split(
        name="temporal",
        baskets=True,
        train=train,
        development=development,
        validation=_held_out(_in_both(train, between), train, between),
        test=_held_out(_in_both(development, later), development, later),
    )


def k_folds(interactions: Interactions, *, folds: int, seed: int) -> list[Split]:
    """Every customer is tested once, by a model that saw nothing of it: the last event is the target, what came before
    only its history. The next fold's customers are the validation. Raises ConfigError for fewer than three folds."""
    if folds < 3:
        raise ConfigError("k-fold needs at least three folds: one to train, one to validate, one to test")
    fold = np.random.default_rng(seed).permutation(interactions.n_customers) % folds
    last = np.zeros(len(interactions), dtype=np.bool_)
    last[interactions.offsets[1:][interactions.histories.lengths > 0] - 1] = True
    own = fold[interactions.customer]
    long_enough = interactions.histories.lengths >= 2

    def held_out(number: int) -> HeldOut:
        customers = np.flatnonzero((fold == number) & long_enough).astype(np.int32)
        return _held_out(
            customers, interactions.keep((own == number) & ~last), interactions.keep((own == number) & last)
        )

    return [
        Split(
            name=f"fold {test + 1} of {folds}",
            baskets=False,
            train=interactions.keep((own != test) & (own != (test + 1) % folds)),
            development=interactions.keep(own != test),
            validation=held_out((test + 1) % folds),
            test=held_out(test),
        )
        for test in range(folds)
    ]


SPLITS: dict[str, Callable[[Interactions], Split]] = {
    "leave_last_out": leave_last_out,
    "leave_last_order_out": leave_last_order_out,
    "temporal": temporal,
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


def _in_both(before: Interactions, after: Interactions) -> NDArray[np.int32]:
    """The customers who did something in both."""
    return np.intersect1d(before.customer, after.customer).astype(np.int32)


def _held_out(customers: NDArray[np.int32], before: Interactions, after: Interactions) -> HeldOut:
    keys = after.customer.astype(np.int64) * max(after.n_items, 1) + after.item
    pairs, first = np.unique(keys, return_index=True)
    owner, item = np.divmod(pairs, max(after.n_items, 1))
    lengths = np.bincount(owner, minlength=after.n_customers)[customers]
    histories = before.histories.rows(customers)
    offsets = offsets_of(lengths)
    return HeldOut(customers, histories, offsets, item.astype(np.int32), after.value[first], after.time[first])
