"""NCF: cosine and a small network, side by side."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recommendations.ml.architectures.pairs import PairConfig, PairModel, PairNetwork
from recommendations.ml.batches import Batch
from recommendations.ml.traits import Traits


@dataclass(frozen=True)
class NCFConfig(PairConfig):
    """units: half for the cosine, half for the network."""


class NCFNetwork(PairNetwork):
    """The first layer of a network on (customer, item) is a sum of one part each, so pairs share their work."""

    def __init__(self, n_items: int, config: NCFConfig, traits: Traits) -> None:
        super().__init__(n_items, config.width, traits)
        self.dropout = config.dropout
        self.border = half = config.units // 2
        self.customer, self.item = nn.Linear(config.width, half), nn.Linear(config.width, half)
        self.customer_cosine = nn.Linear(config.width, config.units - half)
        self.item_cosine = nn.Linear(config.width, config.units - half)
        self.sharpness = nn.Parameter(torch.tensor(10.0))
        self.out = nn.Linear(half, 1)

    def of_customers(self, batch: Batch) -> Tensor:
        x = F.dropout(self.customers(batch), self.dropout, self.training)
        return torch.cat([self.customer(x), F.normalize(self.customer_cosine(x), dim=1)], dim=1)

    def of_items(self) -> Tensor:
        x = F.dropout(self.vectors(), self.dropout, self.training)
        return torch.cat([self.item(x), F.normalize(self.item_cosine(x), dim=1)], dim=1)

    def match(self, customers: Tensor, items: Tensor) -> Tensor:
        hidden = torch.relu(customers[..., : self.border] + items[..., : self.border])
        cosine = (customers[..., self.border :] * items[..., self.border :]).sum(dim=-1)
        return self.out(hidden)[..., 0] + self.sharpness * cosine


class NCF(PairModel):
    """Neural collaborative filtering (He et al., 2017): a generalised product and a multi-layer perceptron."""

    name = "ncf"
    config_class = NCFConfig
    config: NCFConfig

    def _build(self, n_items: int) -> NCFNetwork:
        return NCFNetwork(n_items, self.config, self.traits)
