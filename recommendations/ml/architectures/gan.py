"""GAN: one model proposes items, another tells proposals from what was really bought."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from recommendations.ml.architectures.bag import BagNetwork
from recommendations.ml.architectures.sequential import Encoded, LightConfig, Sequential
from recommendations.ml.batches import Batch
from recommendations.ml.traits import Traits


@dataclass(frozen=True)
class GANConfig(LightConfig):
    """proposals: items that the generator proposes a target. adversarial: weight of the policy gradient beside the
    likelihood that it is pre-trained with in the paper, here kept throughout."""

    proposals: int = 8
    adversarial: float = 0.1
    dropout: float = 0.3
    learning_rate: float = 2e-3


class GANNetwork(BagNetwork):
    """Two bags: the generator's own, and `judge`, the discriminator's."""

    def __init__(self, n_items: int, config: GANConfig, traits: Traits) -> None:
        super().__init__(n_items, config.width, traits)
        self.dropout = config.dropout
        self.judge = BagNetwork(n_items, config.width, traits)

    def forward(self, batch: Batch) -> Encoded:
        return Encoded(F.dropout(self.customers(batch), self.dropout, self.training))


class GAN(Sequential):
    """IRGAN (Wang et al., 2017): the generator p(i | customer) is rewarded, by policy gradient, for proposals that the
    discriminator takes for real; the discriminator learns to tell targets from proposals."""

    name = "gan"
    config_class = GANConfig
    config: GANConfig
    network: GANNetwork

    def _build(self, n_items: int) -> GANNetwork:
        return GANNetwork(n_items, self.config, self.traits)

    def _loss(self, batch: Batch) -> Tensor:
        likelihood = super()._loss(batch)
        batch = batch.to(self.device)
        hidden = self.network(batch).hidden.index_select(0, batch.target_query)
        proposed, log_probability = self._propose(hidden)
        judge = self.network.judge
        customers = judge.customers(batch).index_select(0, batch.target_query)
        real = (customers * F.embedding(batch.target_item, judge.items.weight)).sum(dim=1)
        fake = (customers[:, None] * F.embedding(proposed, judge.items.weight)).sum(dim=2)
        told = F.softplus(-real).mean() + F.softplus(fake).mean()
        reward = F.softplus(fake).detach()
        policy = -((reward - reward.mean(dim=1, keepdim=True)) * log_probability).mean()
        return likelihood + told + self.config.adversarial * policy

    def _propose(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Items [t, proposals] drawn from a shared uniform sample by the generator's own probabilities, and those."""
        items = self.network.item_vectors()
        pool = torch.randint(len(items), (min(1024, 4 * len(items)),), device=items.device)
        logs = torch.log_softmax(hidden @ F.embedding(pool, items).t(), dim=1)
        chosen = torch.multinomial(logs.detach().exp(), self.config.proposals, replacement=True)
        return pool[chosen], logs.gather(1, chosen)
