"""What all gradient-trained architectures share: a network, its training, its weights in one file."""

from abc import abstractmethod
from dataclasses import astuple, replace

import numpy as np
import torch
from torch import Tensor, nn

from recommendations.ml import distributed
from recommendations.ml.architectures.base import Architecture
from recommendations.ml.artefacts import Arrays
from recommendations.ml.batches import Batch, TrainingBatches
from recommendations.ml.config import Config, TrainerConfig
from recommendations.ml.context import Context, FitReport
from recommendations.ml.errors import ConfigError
from recommendations.ml.interactions import Interactions
from recommendations.ml.judging import validation_ndcg
from recommendations.ml.privacy import CustomerBatches, Privacy, epsilon
from recommendations.ml.ragged import Int64
from recommendations.ml.trainer import BatchSource, Trainer
from recommendations.ml.traits import Traits


class Neural(Architecture):
    """An architecture around one torch module, trained by the shared loop.

    A fit that repeats the choices of the one before begins anew, except where that one was cut short by its budget:
    then it goes on from there, for as many epochs again, since twice too short would be a waste.
    """

    config: TrainerConfig
    network: nn.Module

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self.epochs: int | None = None
        self.unfinished: Int64 | None = None  # the catalogue of a fit whose time was over while its figures still grew
        self.device = "cpu"
        self.traits = Traits()

    def _fit(self, interactions: Interactions, context: Context) -> FitReport:
        torch.manual_seed(context.seed)
        if not self.goes_on(interactions, context):
            self.traits, self.device = Traits.of(interactions, baskets=context.baskets), context.device
            self.network = self._build(interactions.n_items).to(self.device)
        if context.privacy is not None:
            return self._fit_privately(interactions, context, context.privacy)
        choosing = context.validation is not None
        trainer = Trainer(
            self.network,
            data=self._batches(interactions, context),
            loss=self._loss,
            validate=(lambda: validation_ndcg(self, context)) if choosing else None,
            config=self.config,
            context=context,
            epochs=None if choosing else self.epochs,
        )
        report = trainer.run()
        self.network.eval()
        if choosing:
            self.epochs = report.epochs
        cut_short = choosing and len(report.history) == report.epochs < self.config.max_epochs
        self.unfinished = interactions.item_ids if cut_short else None
        return report

    def goes_on(self, interactions: Interactions, context: Context) -> bool:
        """Whether a fit takes up the network that the one before left."""
        same = self.unfinished is not None and np.array_equal(self.unfinished, interactions.item_ids)
        return same and context.validation is None and context.privacy is None

    def _fit_privately(self, interactions: Interactions, context: Context, privacy: Privacy) -> FitReport:
        """Nothing is chosen on anybody's data here, not even when to stop."""
        if distributed.world() > 1:
            raise ConfigError("private training runs in one process: every process would add noise of its own")
        batches = self._batches(interactions, context)
        if not isinstance(batches, TrainingBatches):
            raise ConfigError(f"{self.name} does not train customer by customer")
        data = CustomerBatches(batches, privacy)
        trainer = Trainer(
            self.network,
            data=data,
            loss=self._loss,
            validate=None,
            config=self.config,
            context=context,
            epochs=privacy.epochs,
        )
        report = trainer.run()
        self.network.eval()
        spent = epsilon(noise=privacy.noise, rate=data.rate, steps=trainer.step, delta=privacy.delta)
        return replace(report, epsilon=spent)

    @abstractmethod
    def _build(self, n_items: int) -> nn.Module:
        """A fresh network."""

    @abstractmethod
    def _batches(self, interactions: Interactions, context: Context) -> BatchSource:
        """What an epoch consists of."""

    @abstractmethod
    def _loss(self, batch: Batch) -> Tensor:
        """Scalar to be made small."""

    def _arrays(self) -> Arrays:
        weights = {f"network.{name}": value.cpu().numpy() for name, value in self.network.state_dict().items()}
        return {"traits": np.array(astuple(self.traits)), **weights}

    def _load_arrays(self, arrays: Arrays) -> None:
        self.traits = Traits(*(bool(trait) for trait in arrays.pop("traits")))
        self.network = self._build(len(self.item_ids))
        weights = {name.removeprefix("network."): torch.from_numpy(value) for name, value in arrays.items()}
        self.network.load_state_dict(weights)
        self.network.eval()
