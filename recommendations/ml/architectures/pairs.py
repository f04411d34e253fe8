"""What all models of customer-item pairs share: targets against drawn items, and a score for every pair."""

from abc import abstractmethod
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from recommendations.ml.architectures.bag import BagNetwork
from recommendations.ml.architectures.neural import Neural
from recommendations.ml.architectures.sequential import LightConfig, window_batches
from recommendations.ml.batches import Batch, Moments, TrainingBatches, scoring_batches
from recommendations.ml.context import Context, FitReport
from recommendations.ml.histories import Histories
from recommendations.ml.interactions import Interactions

CELLS = 8_000_000  # numbers of hidden units of pairs held at once


@dataclass(frozen=True)
class PairConfig(LightConfig):
    """drawn: items that every target is set against. units: of the layer where customer and item meet. validated:
    customers that steer the training: to rank the whole catalogue pair by pair costs more than an epoch does."""

    drawn: int = 32
    validated: int = 1500
    units: int = 32
    dropout: float = 0.2
    learning_rate: float = 3e-3


class PairNetwork(BagNetwork):
    """Customers and items each as `units` numbers, and a function of both."""

    @abstractmethod
    def of_customers(self, batch: Batch) -> Tensor:
        """[m, units] at the queries."""

    @abstractmethod
    def of_items(self) -> Tensor:
        """[n_items, units]."""

    @abstractmethod
    def match(self, customers: Tensor, items: Tensor) -> Tensor:
        """Logits [...] from [..., units] of both, broadcast."""


class PairModel(Neural):
    """Trains a PairNetwork as a classifier of what happened against what was drawn at random."""

    logarithmic = True
    config: PairConfig
    network: PairNetwork

    def _fit(self, interactions: Interactions, context: Context) -> FitReport:
        held_out = context.validation
        if held_out is not None and len(held_out) > self.config.validated:
            rows = np.random.default_rng(context.seed).choice(len(held_out), self.config.validated, replace=False)
            context = replace(context, validation=held_out.rows(np.sort(rows)))
        return super()._fit(interactions, context)

    def _batches(self, interactions: Interactions, context: Context) -> TrainingBatches:
        return window_batches(interactions, context, self.config)

    def _loss(self, batch: Batch) -> Tensor:
        batch = batch.to(self.device)
        items = self.network.of_items()
        customers = self.network.of_customers(batch).index_select(0, batch.target_query)
        drawn = torch.randint(len(items), (len(batch.target_item), self.config.drawn), device=items.device)
        wanted = self.network.match(customers, F.embedding(batch.target_item, items))
        unwanted = self.network.match(customers[:, None], F.embedding(drawn, items))
        loss = self._contrast(wanted, unwanted) * batch.target_weight
        return loss.sum() / batch.target_weight.sum().clamp(min=1e-9)

    def _contrast(self, wanted: Tensor, unwanted: Tensor) -> Tensor:
        """Loss [t] of logits of targets [t] and of drawn items [t, drawn]: binary cross-entropy."""
        return F.softplus(-wanted) + F.softplus(unwanted).mean(dim=1)

    @torch.no_grad()
    def _score(self, histories: Histories) -> NDArray[np.float32]:
        self.network.eval()
        items = self.network.of_items()
        scores = np.zeros((len(histories), len(items)), dtype=np.float32)
        step = max(1, CELLS // max(items.numel(), 1))
        moments = Moments(histories, n_items=len(items), baskets=self.traits.baskets)
        for rows, batch in scoring_batches(moments, length=self.config.length, events=4 * self.config.events):
            customers = self.network.of_customers(batch.to(self.device))
            parts = [self.network.match(part[:, None], items) for part in customers.split(step)]
            scores[rows] = torch.cat(parts).cpu().numpy()
        return scores
