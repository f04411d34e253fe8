"""The flagship: a gated transformer over what a customer did, with softmax over the catalogue and a copy head."""

from dataclasses import dataclass

from torch import nn
from torch.nn import functional as F

from recommendations.ml.architectures.sequential import (
    Encoded,
    SequenceNetwork,
    Sequential,
    SequentialConfig,
    at_queries,
)
from recommendations.ml.batches import Batch
from recommendations.ml.layers import CopyHead, Distances, GatedBlock, pool
from recommendations.ml.traits import Traits

TYPES = 128


@dataclass(frozen=True)
class TransformerConfig(SequentialConfig):
    """hidden: width of the feed-forward. input_dropout: of the moments' vectors; dropout: within blocks."""

    layers: int = 2
    heads: int = 2
    hidden: int = 128
    dropout: float = 0.4
    input_dropout: float = 0.4
    learning_rate: float = 2e-3
    weight_decay: float = 0.01


class TransformerNetwork(SequenceNetwork):
    """Vectors of events, pooled to moments, gated blocks over the moments, copy head over the events."""

    def __init__(self, n_items: int, config: TransformerConfig, traits: Traits) -> None:
        super().__init__(n_items, config.width)
        self.config, self.clock = config, traits.clock
        self.types = nn.Embedding(TYPES, config.width)
        self.blocks = nn.ModuleList(
            GatedBlock(config.width, config.heads, config.hidden, config.dropout, clock=traits.clock)
            for _ in range(config.layers)
        )
        self.norm = nn.RMSNorm(config.width)
        self.copy = CopyHead(config.width, clock=traits.clock) if traits.repeats else None
        nn.init.zeros_(self.types.weight)

    def forward(self, batch: Batch) -> Encoded:
        """States [b, s, width] after every moment, of which the queries' are taken."""
        distances = Distances.of(batch.time, clock=self.clock)
        events = self.items(batch.item) * self.config.width**0.5 + self.types(batch.type)
        x = F.dropout(pool(events, batch), self.config.input_dropout, self.training)
        for block in self.blocks:
            x = block(x, distances)
        x = self.norm(x)
        hidden = at_queries(x, batch)
        if self.copy is None:
            return Encoded(hidden)
        moment_of_event = batch.moment[:, :, None].expand(-1, -1, x.shape[-1])
        behind = self.copy(x, events + x.gather(1, moment_of_event), distances, batch.moment)
        behind = behind.masked_fill(~batch.valid[:, None], -1e9)
        return Encoded(hidden, at_queries(behind, batch), self.copy.gate(hidden)[:, 0])


class Transformer(Sequential):
    """Next-step prediction with causal attention (SASRec, Kang and McAuley, 2018; HSTU, Zhai et al., 2024)."""

    name = "transformer"
    config_class = TransformerConfig
    config: TransformerConfig

    def _build(self, n_items: int) -> TransformerNetwork:
        return TransformerNetwork(n_items, self.config, self.traits)
