"""What all gradient-trained architectures share: a network, its training, its weights in one file."""

from abc import abstractmethod
from dataclasses import astuple

import numpy as np
import torch
from torch import Tensor, nn

from recommendations.ml.architectures.base import Architecture
from recommendations.ml.artefacts import Arrays
from recommendations.ml.batches import Batch
from recommendations.ml.config import Config, TrainerConfig
from recommendations.ml.context import Context, FitReport
from recommendations.ml.interactions import Interactions
from recommendations.ml.judging import validation_ndcg
from recommendations.ml.trainer import BatchSource, Trainer
from recommendations.ml.traits import Traits


class Neural(Architecture):
    """An architecture around one torch module, trained by the shared loop."""

    config: TrainerConfig
    network: nn.Module

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self.epochs: int | None = None
        self.device = "cpu"
        self.traits = Traits()

    def _fit(self, interactions: Interactions, context: Context) -> FitReport:
        torch.manual_seed(context.seed)
        self.traits, self.device = Traits.of(interactions, baskets=context.baskets), context.device
        self.network = self._build(interactions.n_items).to(self.device)
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
        return report

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
