"""Two towers: a network for the customer, a network for the item, and the cosine between their tops."""

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F

from recommendations.ml.architectures.bag import BagNetwork
from recommendations.ml.architectures.sequential import Encoded, LightConfig, Sequential
from recommendations.ml.batches import Batch
from recommendations.ml.traits import Traits


@dataclass(frozen=True)
class TwoTowerConfig(LightConfig):
    """hidden: width of the towers' inner layer. temperature: what the cosine is divided by."""

    hidden: int = 128
    dropout: float = 0.3
    temperature: float = 0.07
    learning_rate: float = 2e-3


class TwoTowerNetwork(BagNetwork):
    """Residual towers over the bag and over the item vectors."""

    def __init__(self, n_items: int, config: TwoTowerConfig, traits: Traits) -> None:
        super().__init__(n_items, config.width, traits)
        self.config = config
        self.customer, self.item = self._tower(), self._tower()

    def _tower(self) -> nn.Sequential:
        width, hidden = self.config.width, self.config.hidden
        return nn.Sequential(
            nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(self.config.dropout), nn.Linear(hidden, width)
        )

    def item_vectors(self) -> Tensor:
        vectors = self.vectors()
        return F.normalize(vectors + self.item(vectors), dim=1) / self.config.temperature

    def forward(self, batch: Batch) -> Encoded:
        """Customers through their tower, on the unit sphere."""
        x = self.customers(batch)
        return Encoded(F.normalize(x + self.customer(x), dim=1))


class TwoTower(Sequential):
    """Deep retrieval with logQ-corrected softmax (Covington et al., 2016; Yi et al., 2019)."""

    name = "two_tower"
    config_class = TwoTowerConfig
    config: TwoTowerConfig

    def _build(self, n_items: int) -> TwoTowerNetwork:
        return TwoTowerNetwork(n_items, self.config, self.traits)
