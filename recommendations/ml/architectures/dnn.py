"""DNN: a deep network on features of a customer and an item, as in click-through prediction."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recommendations.ml.architectures.pairs import PairConfig, PairModel, PairNetwork
from recommendations.ml.batches import Batch
from recommendations.ml.traits import Traits


@dataclass(frozen=True)
class DNNConfig(PairConfig):
    """hidden: units of the layer after the one where customer and item meet."""

    hidden: int = 16


class DNNNetwork(PairNetwork):
    """Wide: a bias an item. Deep: two hidden layers on the sum and the product of both sides."""

    def __init__(self, n_items: int, config: DNNConfig, traits: Traits) -> None:
        super().__init__(n_items, config.width, traits)
        self.dropout = config.dropout
        self.customer, self.item = nn.Linear(config.width, config.units), nn.Linear(config.width, config.units)
        self.meet, self.deep = nn.Linear(config.units, config.hidden), nn.Linear(config.units, config.hidden)
        self.out = nn.Linear(config.hidden, 1)
        self.wide = nn.Parameter(torch.zeros(n_items, 1))

    def of_customers(self, batch: Batch) -> Tensor:
        x = self.customer(F.dropout(self.customers(batch), self.dropout, self.training))
        return torch.cat([x, torch.ones_like(x[:, :1])], dim=1)

    def of_items(self) -> Tensor:
        return torch.cat([self.item(F.dropout(self.vectors(), self.dropout, self.training)), self.wide], dim=1)

    def match(self, customers: Tensor, items: Tensor) -> Tensor:
        own, other = customers[..., :-1], items[..., :-1]
        hidden = torch.relu(self.deep(torch.relu(own + other)) + self.meet(own * other))
        return self.out(hidden)[..., 0] + customers[..., -1] * items[..., -1]


class DNN(PairModel):
    """Wide and deep (Cheng et al., 2016) with a product layer (Qu et al., 2016)."""

    name = "dnn"
    config_class = DNNConfig
    config: DNNConfig

    def _build(self, n_items: int) -> DNNNetwork:
        return DNNNetwork(n_items, self.config, self.traits)
