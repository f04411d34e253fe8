"""Content: items like those that the customer had, by what they are instead of by who buys them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommendations.ml.architectures.base import Architecture
from recommendations.ml.artefacts import Arrays
from recommendations.ml.config import Config
from recommendations.ml.context import Context, FitReport
from recommendations.ml.histories import Histories, steps_back
from recommendations.ml.interactions import Interactions
from recommendations.ml.judging import validation_ndcg
from recommendations.ml.ragged import row_of


@dataclass(frozen=True)
class ContentConfig(Config):
    """recency: weight of what happened a moment earlier relative to a moment later; tried on the validation data."""

    recency: tuple[float, ...] = (0.8, 0.95, 0.6)


class Content(Architecture):
    """S = U C' (Lops, de Gemmis and Semeraro, 2011): C [n_items, f] the items' feature vectors, whitened by dividing
    every feature by its root mean square and every row by its length; U [b, f] their recency-weighted sums.

    Without features (`Context.features`) there is nothing to go by but how often an item was bought.
    """

    name = "content"
    config_class = ContentConfig
    config: ContentConfig

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self.recency, self.baskets = self.config.recency[0], False

    def _fit(self, interactions: Interactions, context: Context) -> FitReport:
        self.baskets = context.baskets
        self.vectors = unit_vectors(context.features, interactions.n_items)
        if context.validation is not None and self.vectors.shape[1]:
            self.recency = max(self.config.recency, key=lambda recency: self._judged(recency, context))
        return FitReport()

    def _judged(self, recency: float, context: Context) -> float:
        self.recency = recency
        return validation_ndcg(self, context)

    def _score(self, histories: Histories) -> NDArray[np.float32]:
        if not self.vectors.shape[1]:
            return np.tile(self.prior, (len(histories), 1))
        weight = (self.recency ** steps_back(histories, baskets=self.baskets)).astype(np.float32)
        customers = np.zeros((len(histories), self.vectors.shape[1]), dtype=np.float32)
        np.add.at(customers, row_of(histories.offsets), weight[:, None] * self.vectors[histories.item])
        scores: NDArray[np.float32] = np.maximum(customers @ self.vectors.T, 0.0)
        return scores

    def _arrays(self) -> Arrays:
        chosen = {"recency": np.array(self.recency), "baskets": np.array(self.baskets)}
        return {"vectors": self.vectors, **chosen}

    def _load_arrays(self, arrays: Arrays) -> None:
        self.vectors = arrays["vectors"]
        self.recency, self.baskets = float(arrays["recency"]), bool(arrays["baskets"])


def unit_vectors(features: NDArray[np.float32] | None, n_items: int) -> NDArray[np.float32]:
    """Rows of length 1 (or 0) whose features all vary alike: float32 [n_items, f]; f is 0 without features."""
    if features is None:
        return np.zeros((n_items, 0), dtype=np.float32)
    features = np.nan_to_num(features, nan=0.0, posinf=0.0, neginf=0.0)
    spread = np.sqrt((features**2).mean(axis=0)).clip(min=1e-9)
    scaled = features / spread
    return (scaled / np.linalg.norm(scaled, axis=1, keepdims=True).clip(min=1e-9)).astype(np.float32)
