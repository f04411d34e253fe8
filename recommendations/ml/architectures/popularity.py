"""Popularity: what everybody wants, lately."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommendations.ml.architectures.base import Architecture
from recommendations.ml.artefacts import Arrays
from recommendations.ml.config import Config
from recommendations.ml.context import Context, FitReport
from recommendations.ml.histories import Histories
from recommendations.ml.interactions import Interactions
from recommendations.ml.weights import event_weights


@dataclass(frozen=True)
class PopularityConfig(Config):
    """half_life: share of the data's time span after which an event counts half."""

    half_life: float = 0.25


class Popularity(Architecture):
    """Counts of events, weighted by type and decayed exponentially by age. The same scores [n_items] for everybody."""

    name = "popularity"
    config_class = PopularityConfig
    config: PopularityConfig

    def _fit(self, interactions: Interactions, context: Context) -> FitReport:
        weight = event_weights(interactions.type, context.type_weights)
        if len(interactions):
            age = interactions.time.max() - interactions.time
            weight = weight * 0.5 ** (age / max(age.max() * self.config.half_life, 1.0))
        counts = np.bincount(interactions.item, weights=weight, minlength=interactions.n_items)
        self.prior = counts.astype(np.float32)
        return FitReport()

    def _score(self, histories: Histories) -> NDArray[np.float32]:
        return np.tile(self.prior, (len(histories), 1))

    def _arrays(self) -> Arrays:
        return {}

    def _load_arrays(self, arrays: Arrays) -> None:
        if arrays:
            raise ValueError(f"unexpected arrays {sorted(arrays)}")
