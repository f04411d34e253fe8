"""Matrix factorisation: R = U V', by implicit alternating least squares or by pairwise ranking."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recommendations.ml.architectures.base import Architecture
from recommendations.ml.artefacts import Arrays
from recommendations.ml.config import Config
from recommendations.ml.context import Context, FitReport
from recommendations.ml.histories import Histories, steps_back
from recommendations.ml.interactions import Interactions
from recommendations.ml.judging import validation_ndcg
from recommendations.ml.least_squares import Entries, solve
from recommendations.ml.mood import Mood
from recommendations.ml.ragged import Int64, offsets_of
from recommendations.ml.ratings import RatingModel
from recommendations.ml.weights import event_weights


@dataclass(frozen=True)
class MFConfig(Config):
    """width: of the factors. unobserved: weight of what did not happen. ridge: regularisation, times a row's total
    weight to the power `exponent`. sweeps: over users and items. recency: weight of an earlier event relative to the
    next when a customer is folded in; tried on the validation data. loss: `ials` or `bpr`."""

    width: int = 64
    loss: Literal["ials", "bpr"] = "ials"
    unobserved: float = 0.1
    ridge: float = 0.003
    exponent: float = 0.5
    sweeps: int = 8
    recency: tuple[float, ...] = (0.9, 1.0, 0.7)
    learning_rate: float = 0.05
    bpr_epochs: int = 30


class MF(Architecture):
    """Implicit ALS (Hu, Koren and Volinsky, 2008; Rendle et al., 2022) or BPR (Rendle et al., 2009).

    V: item factors [n_items, width]. A customer's factors are those that fit the history best given V (fold-in), so
    that whoever has a history can be scored. Where the values are ratings, they have a model of their own, `rate`.
    """

    name = "mf"
    config_class = MFConfig
    config: MFConfig

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self.recency = self.config.recency[0]
        self.baskets = False
        self.ratings: RatingModel | None = None
        self.mood: Mood | None = None

    def _fit(self, interactions: Interactions, context: Context) -> FitReport:
        self.baskets = context.baskets
        generator = torch.Generator().manual_seed(context.seed)
        users, items, weight = self._cells(interactions, context)
        start = torch.randn(interactions.n_items, self.config.width, generator=generator) * self.config.width**-0.5
        if self.config.loss == "ials":
            self.item_factors = self._alternate(interactions, users, items, weight, start * 0.1)
        else:
            self.item_factors = self._pairwise(interactions.n_customers, users, items, start * 0.1, generator)
        if context.validation is not None:
            self.recency = max(self.config.recency, key=lambda recency: self._judged(recency, context))
        if is_rated(interactions):
            self.ratings = RatingModel.fit(interactions, seed=context.seed)
            self.mood = Mood.fit(interactions, seed=context.seed)
        return FitReport()

    def _judged(self, recency: float, context: Context) -> float:
        self.recency = recency
        return validation_ndcg(self, context)

    @staticmethod
    def _cells(interactions: Interactions, context: Context) -> tuple[Tensor, Tensor, Tensor]:
        """Distinct customers x items with their summed weight, sorted by customer."""
        key = interactions.customer.astype(np.int64) * max(interactions.n_items, 1) + interactions.item
        cells, inverse = np.unique(key, return_inverse=True)
        weight = np.bincount(inverse, weights=event_weights(interactions.type, context.type_weights))
        users, items = np.divmod(cells, max(interactions.n_items, 1))
        return torch.from_numpy(users), torch.from_numpy(items), torch.from_numpy(weight.astype(np.float32))

    def _alternate(
        self, interactions: Interactions, users: Tensor, items: Tensor, weight: Tensor, factors: Tensor
    ) -> Tensor:
        by_item = torch.argsort(items, stable=True)
        user_offsets = offsets_of(np.bincount(users.numpy(), minlength=interactions.n_customers))
        item_offsets = offsets_of(np.bincount(items.numpy(), minlength=interactions.n_items))
        for _ in range(self.config.sweeps):
            customers = self._solve(user_offsets, items, weight, factors)
            factors = self._solve(item_offsets, users[by_item], weight[by_item], customers)
        return factors

    def _solve(self, offsets: NDArray[np.int64], index: Tensor, weight: Tensor, factors: Tensor) -> Tensor:
        """One side of the alternation: rows [b, width] given the other side's factors."""
        gram = self.config.unobserved * (factors.t() @ factors)
        row = torch.from_numpy(np.repeat(np.arange(len(offsets) - 1), np.diff(offsets)))
        total = torch.zeros(len(offsets) - 1).index_add_(0, row, weight) + self.config.unobserved * len(factors)
        ridge = self.config.ridge * total**self.config.exponent * len(factors) ** (1 - self.config.exponent)
        return solve(Entries(offsets, index, weight, torch.ones_like(weight)), factors, gram, ridge + 1e-6)

    def _pairwise(
        self, n_customers: int, users: Tensor, items: Tensor, factors: Tensor, generator: torch.Generator
    ) -> Tensor:
        """Gradient steps on log sigmoid(u . v_i - u . v_j) for a bought item i and a random item j."""
        V = factors.clone().requires_grad_()
        U = (torch.randn(n_customers, self.config.width, generator=generator) * 0.1).requires_grad_()
        optimizer = torch.optim.Adagrad([U, V], lr=self.config.learning_rate)
        for _ in range(self.config.bpr_epochs):
            for chosen in torch.randperm(len(items), generator=generator).split(4096):
                other = torch.randint(len(factors), (len(chosen),), generator=generator)
                own = torch.nn.functional.embedding(users[chosen], U)
                wanted = torch.nn.functional.embedding(items[chosen], V)
                unwanted = torch.nn.functional.embedding(other, V)
                margin = (own * (wanted - unwanted)).sum(dim=1)
                penalty = (own**2 + wanted**2 + unwanted**2).sum(dim=1).mean()
                loss = -torch.nn.functional.logsigmoid(margin).mean() + 1e-3 * penalty
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
        return V.detach()

    def factors(self, histories: Histories) -> tuple[Tensor, Tensor]:
        """Customers folded in, and V."""
        weight = torch.from_numpy((self.recency ** steps_back(histories, baskets=self.baskets)).astype(np.float32))
        items = torch.from_numpy(histories.item.astype(np.int64))
        return self._solve(histories.offsets, items, weight, self.item_factors), self.item_factors

    def _score(self, histories: Histories) -> NDArray[np.float32]:
        customers, items = self.factors(histories)
        scores: NDArray[np.float32] = (customers @ items.t()).numpy()
        return scores

    def rate(self, histories: Histories, row: Int64, item: Int64, time: Int64) -> NDArray[np.float64] | None:
        """Expected ratings [p]; None where the interactions came without."""
        if self.ratings is None or self.mood is None:
            return None
        expected = self.ratings.predict(histories, row, item)
        return self.ratings.bounded(expected + self.mood.correction(self.ratings, histories, row, item, time))

    def _arrays(self) -> Arrays:
        own = {
            "factors": self.item_factors.numpy(),
            "recency": np.array(self.recency),
            "baskets": np.array(self.baskets),
        }
        if self.ratings is None or self.mood is None:
            return own
        return {**own, **self.ratings.arrays(), "mood": self.mood.weights}

    def _load_arrays(self, arrays: Arrays) -> None:
        self.item_factors = torch.from_numpy(arrays["factors"])
        self.recency, self.baskets = float(arrays["recency"]), bool(arrays["baskets"])
        self.ratings = RatingModel.from_arrays(arrays)
        self.mood = Mood(arrays["mood"]) if self.ratings else None


def is_rated(interactions: Interactions) -> bool:
    """Whether the values say more than that something happened."""
    return len(np.unique(interactions.value)) > 1
