"""How likely a recommended item is to be viewed, put into the cart or bought with a customer's next step.

Any architecture orders items; what its scores are worth as probabilities is learned afterwards, on moments that were
held out from it. One head a kind of event: a logistic regression on the share of the scores that the item has, on
whether the customer had it before, and on how often item and customer meet this kind; then its calibration, learned on
customers whom the regression has not seen.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommendations.ml.architectures.base import BLOCK_CELLS, Architecture
from recommendations.ml.artefacts import Arrays
from recommendations.ml.calibration import Platt, expected_calibration_error, logistic_regression
from recommendations.ml.histories import Histories
from recommendations.ml.interactions import Interactions
from recommendations.ml.ragged import Int64

CUSTOMERS = 4000  # that a head is learned on, and as many that it is judged on, at most
CANDIDATES = 50  # best items of each
PRIOR = 5.0  # events by which the share of a kind is drawn to the mean
SMALLEST = 1e-8

Float64 = NDArray[np.float64]
Kinds = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Head:
    """weights: float64 [signals] of one kind of event, whose event-type codes are `types`; mean: its overall share;
    rates: float64 [n_items], its share of every item's events."""

    types: tuple[int, ...]
    mean: float
    rates: Float64
    weights: Float64
    calibration: Platt

    def __call__(self, shares: Float64, histories: Histories, items: Int64) -> Float64:
        """Probabilities [b, k] of items [b, k] with their `shares` [b, k]; 0 where there is none."""
        X = _signals(self, shares, histories, items)
        return np.where(items >= 0, self.calibration(X @ self.weights), 0.0)


Outcomes = dict[str, Head]


def learn_outcomes(
    model: Architecture, before: Interactions, after: Interactions, kinds: Kinds, *, exclude_seen: bool, seed: int
) -> Outcomes:
    """A head for every kind that occurs at all, from what the model has not seen: `after` is `before` and one step."""
    customers, target = _next_step(before, after, seed=seed)
    histories = before.histories.rows(customers)
    items, _ = model.rank(histories, CANDIDATES, exclude_seen=exclude_seen)
    shares = _shares(model, histories, items)
    learning = np.arange(len(customers)) % 2 == 0
    heads = {}
    for name, types in kinds.items():
        happened = _happened(after, target, types, customers, items)
        if not happened[learning].any():
            continue
        of_kind = np.isin(before.type, types)
        mean = float(of_kind.mean())
        counts = np.bincount(before.item, minlength=before.n_items)
        rates = (np.bincount(before.item[of_kind], minlength=before.n_items) + PRIOR * mean) / (counts + PRIOR)
        start = Head(tuple(types), mean, rates, np.zeros(0), Platt(1.0, 0.0))
        X, known = _signals(start, shares, histories, items), items >= 0
        weights = logistic_regression(X[learning][known[learning]], happened[learning][known[learning]])
        logits = (X @ weights)[~learning][known[~learning]]
        calibration = Platt.fit(logits, happened[~learning][known[~learning]])
        heads[name] = Head(tuple(types), mean, rates, weights, calibration)
    return heads


def chances(model: Architecture, outcomes: Outcomes, histories: Histories, items: Int64) -> dict[str, Float64]:
    """By kind, the probabilities [b, k] of the items [b, k] of some histories."""
    if not outcomes:
        return {}
    shares = _shares(model, histories, items)
    return {name: head(shares, histories, items) for name, head in outcomes.items()}


def judge_outcomes(
    model: Architecture,
    outcomes: Outcomes,
    before: Interactions,
    after: Interactions,
    *,
    exclude_seen: bool,
    seed: int,
) -> dict[str, float]:
    """Expected calibration error and base rate of every head on the candidates of customers' next steps."""
    customers, target = _next_step(before, after, seed=seed)
    histories = before.histories.rows(customers)
    items, _ = model.rank(histories, CANDIDATES, exclude_seen=exclude_seen)
    result, found = {}, chances(model, outcomes, histories, items)
    for name, head in outcomes.items():
        known = items >= 0
        happened = _happened(after, target, head.types, customers, items)[known]
        result[f"{name}_rate"] = float(happened.mean()) if len(happened) else 0.0
        result[f"{name}_ece"] = expected_calibration_error(found[name][known], happened)
    return result


def _next_step(before: Interactions, after: Interactions, *, seed: int) -> tuple[Int64, NDArray[np.bool_]]:
    """A random part of the customers who took a step, and which events [n] of `after` belong to it."""
    place = np.arange(len(after)) - after.offsets[:-1][after.customer]
    target = place >= np.diff(before.offsets)[after.customer]
    customers = np.unique(after.customer[target])
    if len(customers) > CUSTOMERS:
        customers = np.sort(np.random.default_rng(seed).choice(customers, CUSTOMERS, replace=False))
    return customers.astype(np.int64), target


def _happened(
    after: Interactions, target: NDArray[np.bool_], types: tuple[int, ...], customers: Int64, items: Int64
) -> NDArray[np.bool_]:
    """Whether the step of a customer [b] holds an event of the kind with the item [b, k]."""
    chosen = target & np.isin(after.type, types)
    width = after.n_items + 1
    pairs = after.customer[chosen].astype(np.int64) * width + after.item[chosen]
    return np.isin(customers[:, None] * width + items, pairs) & (items >= 0)


def _shares(model: Architecture, histories: Histories, items: Int64) -> Float64:
    """Logarithm of the share that every item [b, k] has of its row's scores over the whole catalogue."""
    result = np.full(items.shape, np.log(SMALLEST))
    step = max(1, BLOCK_CELLS // max(len(model.item_ids), 1))
    for start in range(0, len(histories), step):
        rows = slice(start, start + step)
        scores = model.score(histories.slice(start, start + step)).astype(np.float64)
        if model.logarithmic:
            scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        scores = scores.clip(min=0.0)
        chosen = np.take_along_axis(scores, items[rows].clip(min=0), axis=1)
        result[rows] = np.log(chosen / scores.sum(axis=1, keepdims=True).clip(min=SMALLEST) + SMALLEST)
    return result


def _signals(head: Head, shares: Float64, histories: Histories, items: Int64) -> Float64:
    """What a head looks at: [b, k, 5]."""
    of_kind = np.isin(histories.type, head.types)
    own = np.bincount(histories.row[of_kind], minlength=len(histories)) + PRIOR * head.mean
    own = own / (histories.lengths + PRIOR)
    width = len(head.rates) + 1
    had = np.isin(np.arange(len(items))[:, None] * width + items, histories.row * width + histories.item)
    columns = (
        np.ones(items.shape),
        shares,
        had.astype(np.float64),
        np.log(head.rates[items.clip(min=0)] + SMALLEST),
        np.broadcast_to(np.log(own + SMALLEST)[:, None], items.shape),
    )
    return np.stack(columns, axis=-1)


def outcome_arrays(outcomes: Outcomes) -> Arrays:
    """For the artefact."""
    arrays: Arrays = {}
    for name, head in outcomes.items():
        arrays[f"{name}.types"] = np.array(head.types, dtype=np.int64)
        arrays[f"{name}.rates"] = head.rates.astype(np.float32)
        arrays[f"{name}.weights"] = head.weights
        arrays[f"{name}.calibration"] = np.array([head.mean, head.calibration.slope, head.calibration.offset])
    return arrays


def outcomes_from(arrays: Arrays) -> Outcomes:
    """From the artefact."""
    heads = {}
    for name in sorted(key.removesuffix(".types") for key in arrays if key.endswith(".types")):
        mean, slope, offset = (float(number) for number in arrays[f"{name}.calibration"])
        types = tuple(int(code) for code in arrays[f"{name}.types"])
        rates, weights = arrays[f"{name}.rates"].astype(np.float64), arrays[f"{name}.weights"]
        heads[name] = Head(types, mean, rates, weights, Platt(slope, offset))
    return heads
