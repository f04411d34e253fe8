"""Transitions: what customers went on to, and what they had come from."""

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommendations.ml.architectures.base import Architecture
from recommendations.ml.architectures.neighbours import Neighbours
from recommendations.ml.artefacts import Arrays
from recommendations.ml.config import Config
from recommendations.ml.context import Context, FitReport
from recommendations.ml.histories import Histories, steps_back
from recommendations.ml.interactions import Interactions
from recommendations.ml.judging import validation_ndcg
from recommendations.ml.ragged import Int64
from recommendations.ml.weights import event_weights


@dataclass(frozen=True)
class TransitionsConfig(Config):
    """reach: events ahead that count as following. fading: power of the distance by which they count less.

    backwards: weight of the opposite direction. neighbours: kept per item. popularity: power of the follower's
    frequency that is divided out, and recency: weight of what happened a moment earlier relative to a moment later;
    the first is taken unless another does better on the validation data.
    """

    reach: int = 20
    fading: float = 0.5
    backwards: float = 0.5
    neighbours: int = 300
    popularity: tuple[float, ...] = (0.2, 0.4, 0.0)
    recency: tuple[float, ...] = (0.6, 0.8, 0.95)


class Transitions(Architecture):
    """Sequential rules (Kamehkhosh, Jannach and Ludewig, 2017) in both directions.

    T [n_items, n_items], sparse: T_ij sums distance^-fading / log(1 + length) over all places where j follows i within
    `reach` events of one customer, divided by sqrt(n_i); the other way round it counts `backwards` as much. A score is
    the recency-weighted sum of T over the history, divided by n_j^popularity (n: how often an item occurs).
    """

    name = "transitions"
    config_class = TransitionsConfig
    config: TransitionsConfig

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self.popularity, self.recency = self.config.popularity[0], self.config.recency[0]
        self.baskets = False

    def _fit(self, interactions: Interactions, context: Context) -> FitReport:
        self.baskets = context.baskets
        self.frequency = np.maximum(np.bincount(interactions.item, minlength=interactions.n_items), 1)
        weight = event_weights(interactions.type, context.type_weights)
        cells, values = self._transitions(interactions, weight)
        rows, columns = np.divmod(cells, max(interactions.n_items, 1))
        values /= self.frequency[rows] ** 0.5
        order = values / self.frequency[columns] ** self.popularity
        kept = Neighbours.strongest(
            rows, np.arange(len(rows)), order, n_items=interactions.n_items, limit=self.config.neighbours
        )
        self.neighbours = Neighbours(
            kept.offsets, columns[kept.columns].astype(np.int32), values[kept.columns].astype(np.float32)
        )
        if context.validation is not None:
            self._choose(context)
        return FitReport()

    def _choose(self, context: Context) -> None:
        def judged(choice: tuple[float, float]) -> float:
            self.popularity, self.recency = choice
            return validation_ndcg(self, context)

        best = max(((power, self.config.recency[0]) for power in self.config.popularity), key=judged)
        self.popularity, self.recency = max(itertools.product(best[:1], self.config.recency), key=judged)

    def _transitions(
        self, interactions: Interactions, weight: NDArray[np.float32]
    ) -> tuple[Int64, NDArray[np.float64]]:
        """Cells i * n_items + j of T and their sums, before any normalisation."""
        n = max(interactions.n_items, 1)
        item, customer = interactions.item.astype(np.int64), interactions.customer
        tempo = 1.0 / np.log1p(np.maximum(np.diff(interactions.offsets)[customer], 1))
        cells, values = [np.zeros(0, dtype=np.int64)], [np.zeros(0)]
        for distance in range(1, self.config.reach + 1):
            start = np.flatnonzero(customer[:-distance] == customer[distance:])
            before, after = item[start], item[start + distance]
            value = weight[start + distance] * tempo[start] * distance**-self.config.fading
            cells += [before * n + after, after * n + before]
            values += [value, value * self.config.backwards]
        unique, inverse = np.unique(np.concatenate(cells), return_inverse=True)
        totals = np.bincount(inverse, weights=np.concatenate(values), minlength=len(unique))
        return unique, totals.astype(np.float64)

    def _score(self, histories: Histories) -> NDArray[np.float32]:
        weight = self.recency ** steps_back(histories, baskets=self.baskets)
        scores = self.neighbours.score(histories, weight)
        return scores * (self.frequency**-self.popularity).astype(np.float32)

    def _arrays(self) -> Arrays:
        choices = {"popularity": np.array(self.popularity), "recency": np.array(self.recency)}
        return {
            **self.neighbours.arrays(),
            **choices,
            "frequency": self.frequency,
            "baskets": np.array(self.baskets),
        }

    def _load_arrays(self, arrays: Arrays) -> None:
        self.neighbours = Neighbours.from_arrays(arrays)
        self.popularity, self.recency = float(arrays["popularity"]), float(arrays["recency"])
        self.frequency, self.baskets = arrays["frequency"], bool(arrays["baskets"])
