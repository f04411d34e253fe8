"""RNN: a recurrent state that every moment updates."""

from dataclasses import dataclass

from torch import nn
from torch.nn import functional as F

from recommendations.ml.architectures.sequential import (
    Encoded,
    LightConfig,
    SequenceNetwork,
    Sequential,
    at_queries,
)
from recommendations.ml.batches import Batch
from recommendations.ml.layers import pool


@dataclass(frozen=True)
class RNNConfig(LightConfig):
    """layers: of the recurrent unit. dropout: of its input and output."""

    layers: int = 1
    dropout: float = 0.4
    learning_rate: float = 2e-3


class RNNNetwork(SequenceNetwork):
    """Gated recurrent unit over the moments."""

    def __init__(self, n_items: int, config: RNNConfig) -> None:
        super().__init__(n_items, config.width)
        self.config = config
        self.unit = nn.GRU(config.width, config.width, config.layers, batch_first=True)
        self.out = nn.Linear(config.width, config.width)

    def forward(self, batch: Batch) -> Encoded:
        """States [b, s, width] after every moment, of which the queries' are taken."""
        x = pool(self.items(batch.item) * self.config.width**0.5, batch)
        states, _ = self.unit(F.dropout(x, self.config.dropout, self.training))
        return Encoded(self.out(F.dropout(at_queries(states, batch), self.config.dropout, self.training)))


class RNN(Sequential):
    """GRU4Rec (Hidasi et al., 2016; with the softmax of Hidasi and Karatzoglou, 2018)."""

    name = "rnn"
    config_class = RNNConfig
    config: RNNConfig

    def _build(self, n_items: int) -> RNNNetwork:
        return RNNNetwork(n_items, self.config)
