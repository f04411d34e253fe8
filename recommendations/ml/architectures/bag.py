"""A history as a weighted bag: what the simpler networks see of a customer."""

import torch
from torch import Tensor

from recommendations.ml.architectures.sequential import Encoded, SequenceNetwork, at_queries
from recommendations.ml.batches import Batch
from recommendations.ml.layers import Distances, RelativeBias, pool
from recommendations.ml.traits import Traits


class BagNetwork(SequenceNetwork):
    """Item vectors, and customers as their mean, weighted by learned recency alone."""

    def __init__(self, n_items: int, width: int, traits: Traits) -> None:
        super().__init__(n_items, width)
        self.scale, self.clock = width**0.5, traits.clock
        self.recency = RelativeBias(1, clock=traits.clock)

    def vectors(self) -> Tensor:
        """Item vectors [n_items, width] at the scale of the customers'."""
        return self.items.weight[:-1] * self.scale

    def customers(self, batch: Batch) -> Tensor:
        """Weighted means of all up to and including the queried moments: [m, width]."""
        x = pool(self.items(batch.item) * self.scale, batch)
        weights = torch.softmax(self.recency(Distances.of(batch.time, clock=self.clock))[:, 0], dim=-1)
        return at_queries(weights.expand(len(x), -1, -1).to(x.dtype) @ x, batch)

    def forward(self, batch: Batch) -> Encoded:
        return Encoded(self.customers(batch))
