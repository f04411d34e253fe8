"""The flagship: a gated transformer over what a customer did, with softmax over the catalogue and a copy head."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from recommendations.ml.architectures.sequential import (
    Encoded,
    SequenceNetwork,
    Sequential,
    SequentialConfig,
    at_queries,
)
from recommendations.ml.artefacts import Arrays
from recommendations.ml.batches import Batch
from recommendations.ml.config import Config
from recommendations.ml.context import Context, FitReport
from recommendations.ml.interactions import Interactions
from recommendations.ml.layers import CopyHead, Distances, GatedBlock, pool
from recommendations.ml.traits import Traits

TYPES = 128


@dataclass(frozen=True)
class TransformerConfig(SequentialConfig):
    """hidden: width of the feed-forward. input_dropout: of the moments' vectors; dropout: within blocks.

    own_dropout: share of the items that a step knows by their features alone, where there are any.
    """

    layers: int = 2
    heads: int = 2
    hidden: int = 128
    dropout: float = 0.4
    input_dropout: float = 0.4
    own_dropout: float = 0.2
    learning_rate: float = 2e-3
    weight_decay: float = 0.01


@dataclass(frozen=True)
class Known:
    """What is known of items before training: vectors [n_items, f], frozen; bought, float [n_items], 1 = by anybody."""

    vectors: Tensor
    bought: Tensor


class ItemVectors(nn.Module):
    """An item is what its features say, F W, and something of its own beside.

    The own part is left out of every step for some items, so that the features learn to speak for themselves
    (DropoutNet, Volkovs et al., 2017). Items that nobody had yet have none, and do not stand in the softmax
    denominator, which would only teach that they are never chosen: they are what items like them are.
    """

    vectors: Tensor
    bought: Tensor

    def __init__(self, known: Known, width: int, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.register_buffer("vectors", known.vectors)
        self.register_buffer("bought", known.bought)
        self.project = nn.Linear(known.vectors.shape[1], width, bias=False)
        nn.init.normal_(self.project.weight, std=0.02)

    def forward(self, own: Tensor) -> Tensor:
        """Vectors [n_items, width] from the own parts [n_items, width]."""
        kept = self.bought
        if self.training and self.dropout:
            kept = kept * (torch.rand_like(kept) >= self.dropout)
        return own * kept[:, None] + self.project(self.vectors)


class TransformerNetwork(SequenceNetwork):
    """Vectors of events, pooled to moments, gated blocks over the moments, copy head over the events."""

    def __init__(self, n_items: int, config: TransformerConfig, traits: Traits, known: Known | None = None) -> None:
        super().__init__(n_items, config.width)
        self.config, self.clock = config, traits.clock
        self.known = None if known is None else ItemVectors(known, config.width, config.own_dropout)
        self.types = nn.Embedding(TYPES, config.width)
        self.blocks = nn.ModuleList(
            GatedBlock(config.width, config.heads, config.hidden, config.dropout, clock=traits.clock)
            for _ in range(config.layers)
        )
        self.norm = nn.RMSNorm(config.width)
        self.copy = CopyHead(config.width, clock=traits.clock) if traits.repeats else None
        self.repeats = self.copy is not None
        nn.init.zeros_(self.types.weight)

    def item_vectors(self) -> Tensor:
        """From features where there are any: [n_items, width]."""
        own = super().item_vectors()
        return own if self.known is None else self.known(own)

    def shares(self) -> Tensor:
        """Items that nobody had do not count: [n_items]."""
        return super().shares() if self.known is None else self.known.bought

    def _events(self, batch: Batch) -> Tensor:
        """Item vectors [b, l, width]; padding is 0."""
        if self.known is None:
            return self.items(batch.item)
        return F.embedding(batch.item, F.pad(self.item_vectors(), (0, 0, 0, 1)))

    def forward(self, batch: Batch) -> Encoded:
        """States [b, s, width] after every moment, of which the queries' are taken."""
        distances = Distances.of(batch.time, clock=self.clock)
        events = self._events(batch) * self.config.width**0.5 + self.types(batch.type)
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

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self.known: Known | None = None

    def _fit(self, interactions: Interactions, context: Context) -> FitReport:
        self.known = known_of(context.features, interactions)
        if self.known is not None and self.goes_on(interactions, context):
            self.network.get_buffer("known.bought").copy_(self.known.bought)
        return super()._fit(interactions, context)

    def _build(self, n_items: int) -> TransformerNetwork:
        return TransformerNetwork(n_items, self.config, self.traits, self.known)

    def _load_arrays(self, arrays: Arrays) -> None:
        names = ("network.known.vectors", "network.known.bought")
        self.known = Known(*(torch.from_numpy(arrays[name]) for name in names)) if names[0] in arrays else None
        super()._load_arrays(arrays)


def known_of(features: NDArray[np.float32] | None, interactions: Interactions) -> Known | None:
    """The features of items, NaN as 0; None without any."""
    if features is None or not features.size:
        return None
    bought = np.bincount(interactions.item, minlength=interactions.n_items) > 0
    vectors = torch.from_numpy(np.nan_to_num(features, nan=0.0, posinf=0.0, neginf=0.0).astype(np.float32))
    return Known(vectors, torch.from_numpy(bought.astype(np.float32)))
