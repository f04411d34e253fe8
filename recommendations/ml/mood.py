"""Ratings drift: whoever has just been strict is strict for a while.

A linear correction of expected ratings by what the same customer's latest ratings were above or below expectation,
averaged with weights that fade with age, with time and with how unlike the items are (temporal effects in the sense of
Koren, 2009, learned as one regression for all customers).
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from recommendations.ml.histories import Histories
from recommendations.ml.interactions import Interactions
from recommendations.ml.ragged import Int64, spans
from recommendations.ml.ratings import RatingModel

AGES = (0.3, 0.6, 0.85, 0.95)  # weight of a rating relative to the next one
SPANS = (5.0, 30.0, 300.0, 3600.0, 3 * 86_400.0)  # seconds after which a rating counts a third
LIKENESS = (0.9, 1.0)  # as AGES, times the squared cosine between the items
RUSHES = (0.5, 5.0, 60.0)  # seconds in which ratings given in one go are counted
HELD = 4  # latest ratings of every customer that the correction is learned on
RIDGE = 3.0


@dataclass(frozen=True)
class Mood:
    """weights: float64 [1 + features] of a constant and of `signals`."""

    weights: NDArray[np.float64]

    @classmethod
    def fit(cls, interactions: Interactions, *, seed: int) -> Self:
        """Learn on the last ratings of customers that have more than twice as many, foretold without them."""
        histories = interactions.histories
        longer = histories.lengths > 2 * HELD
        rows = np.flatnonzero(longer)
        if len(rows) < 20:
            return cls(np.zeros(1 + len(AGES) + len(SPANS) + len(LIKENESS) + len(RUSHES)))
        from_end = histories.offsets[1:][histories.row] - 1 - np.arange(len(histories.item))
        model = RatingModel.fit(interactions.keep((from_end >= HELD) | ~longer[histories.row]), seed=seed)
        inputs, errors = [], []
        for back in range(1, HELD + 1):
            lengths = histories.lengths[rows] - back
            before = histories.pick(spans(histories.offsets[:-1][rows], lengths), lengths)
            last = histories.offsets[:-1][rows] + lengths
            item = histories.item[last].astype(np.int64)
            inputs.append(signals(model, before, np.arange(len(rows)), item, histories.time[last]))
            errors.append(histories.value[last] - model.predict(before, np.arange(len(rows)), item))
        X, y = np.concatenate(inputs), np.concatenate(errors)
        penalty = np.diag([0.0] + [RIDGE] * (X.shape[1] - 1))
        return cls(np.linalg.solve(X.T @ X + penalty, X.T @ y))

    def correction(
        self, model: RatingModel, histories: Histories, row: Int64, item: Int64, time: Int64
    ) -> NDArray[np.float64]:
        """What to add to the expected ratings [p]."""
        return np.asarray(signals(model, histories, row, item, time) @ self.weights, dtype=np.float64)


def signals(model: RatingModel, histories: Histories, row: Int64, item: Int64, time: Int64) -> NDArray[np.float64]:
    """A constant, the faded means of what the row's ratings were above expectation, and how many were just given in one
    go (whoever rates a list at a stroke rates otherwise): [p, 1 + features]."""
    residual = histories.value - model.predict(histories, histories.row, histories.item.astype(np.int64))
    lengths = histories.lengths[row]
    event = spans(histories.offsets[:-1][row], lengths)
    pair = np.repeat(np.arange(len(row)), lengths)
    age = np.repeat(histories.offsets[1:][row], lengths) - 1 - event
    passed = np.maximum(time[pair] - histories.time[event], 0)
    vectors = torch.nn.functional.normalize(model.items.permute(1, 0, 2).flatten(1), dim=1).numpy()
    alike = np.einsum("ed,ed->e", vectors[item[pair]], vectors[histories.item[event]]).clip(min=0) ** 2
    weights = [rate**age for rate in AGES]
    weights += [np.exp(-passed / span) for span in SPANS]
    weights += [alike * rate**age for rate in LIKENESS]
    columns = [np.ones(len(row))]
    for weight in weights:
        total = np.bincount(pair, weights=weight, minlength=len(row))
        columns.append(np.bincount(pair, weights=weight * residual[event], minlength=len(row)) / (total + 0.5))
    columns += [np.log1p(np.bincount(pair, weights=passed < rush, minlength=len(row))) for rush in RUSHES]
    return np.stack(columns, axis=1)
