"""Linear models of the whole history: least squares, logistic regression, support vectors."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from recommendations.ml.architectures.base import Architecture
from recommendations.ml.architectures.pairs import PairConfig, PairModel, PairNetwork
from recommendations.ml.artefacts import Arrays
from recommendations.ml.batches import Batch
from recommendations.ml.config import Config
from recommendations.ml.context import Context, FitReport
from recommendations.ml.histories import Histories, steps_back
from recommendations.ml.interactions import Interactions
from recommendations.ml.judging import validation_ndcg
from recommendations.ml.weights import event_weights

Loss = Literal["squares", "logistic", "hinge"]


@dataclass(frozen=True)
class LinearConfig(Config):
    """loss: `squares` has a closed form over the `largest` most frequent items; `logistic` and `hinge` are trained.

    ridge: regularisation of the closed form, relative to the mean count of an item; recency: weight of what happened a
    moment earlier relative to a moment later. Both are tried on the validation data.
    """

    loss: Loss = "squares"
    largest: int = 10_000
    ridge: tuple[float, ...] = (10.0,)
    recency: tuple[float, ...] = (0.7, 0.9, 1.0)


class Linear(Architecture):
    """score = x W, x [n_items] the history and W [n_items, n_items].

    squares: linear regression of every item on all others, EASE (Steck, 2019): W = I - P / diag(P), P = (X'X + r I)^-1.
    logistic, hinge: W = A B' of low rank, as logistic regression or as a linear support-vector machine of what happened
    against what was drawn.
    """

    name = "linear"
    config_class = LinearConfig
    config: LinearConfig

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self.pairs = None if self.config.loss == "squares" else _LinearPairs(_LinearPairsConfig(loss=self.config.loss))
        self.ridge, self.recency, self.baskets = self.config.ridge[0], self.config.recency[0], False

    def _fit(self, interactions: Interactions, context: Context) -> FitReport:
        if self.pairs is not None:
            return self.pairs.fit(interactions, context)
        self.baskets = context.baskets
        counts = np.bincount(interactions.item, minlength=interactions.n_items)
        self.kept = np.sort(np.argsort(-counts, kind="stable")[: self.config.largest])
        gram = self._gram(interactions, context)
        choosing = context.validation is not None
        choices = [(r, self.config.recency[0]) for r in self.config.ridge] if choosing else [(self.ridge, self.recency)]
        figures = {}
        for ridge, _ in choices:
            self.ridge, self.weights = ridge, _regress(gram, ridge)
            figures[ridge] = validation_ndcg(self, context) if choosing else 0.0
        best = max(figures, key=lambda ridge: figures[ridge])
        if best != self.ridge:
            self.ridge, self.weights = best, _regress(gram, best)
        if choosing:
            self.recency = max(self.config.recency, key=lambda recency: self._judged(recency, context))
        return FitReport()

    def _judged(self, recency: float, context: Context) -> float:
        self.recency = recency
        return validation_ndcg(self, context)

    def _gram(self, interactions: Interactions, context: Context) -> Tensor:
        """X'X over the kept items: [kept, kept], from dense blocks of customers."""
        column = np.full(interactions.n_items, -1)
        column[self.kept] = np.arange(len(self.kept))
        weight = event_weights(interactions.type, context.type_weights)
        gram = torch.zeros(len(self.kept), len(self.kept))
        step = max(1, 20_000_000 // max(len(self.kept), 1))
        for start in range(0, interactions.n_customers, step):
            low, high = interactions.offsets[start], interactions.offsets[min(start + step, interactions.n_customers)]
            own = column[interactions.item[low:high]]
            known = own >= 0
            X = torch.zeros(min(step, interactions.n_customers - start), len(self.kept))
            row = torch.from_numpy(interactions.customer[low:high][known].astype(np.int64) - start)
            X[row, torch.from_numpy(own[known])] = torch.from_numpy(weight[low:high][known])
            gram += X.t() @ X
        return gram

    def _score(self, histories: Histories) -> NDArray[np.float32]:
        if self.pairs is not None:
            return self.pairs.score(histories)
        X = torch.zeros(len(histories), len(self.item_ids))
        weight = (self.recency ** steps_back(histories, baskets=self.baskets)).astype(np.float32)
        cells = torch.from_numpy(histories.row * len(self.item_ids) + histories.item)
        X.view(-1).index_add_(0, cells, torch.from_numpy(weight))
        scores = np.full((len(histories), len(self.item_ids)), -1e3, dtype=np.float32)
        scores[:, self.kept] = (X[:, self.kept] @ self.weights).numpy()
        return scores

    def _arrays(self) -> Arrays:
        if self.pairs is not None:
            return {"pairs.prior": self.pairs.prior, **self.pairs._arrays()}
        chosen: dict[str, NDArray[Any]] = {"recency": np.array(self.recency), "baskets": np.array(self.baskets)}
        return {**chosen, "kept": self.kept, "weights": self.weights.numpy()}

    def _load_arrays(self, arrays: Arrays) -> None:
        if self.pairs is not None:
            self.pairs.item_ids, self.pairs.prior = self.item_ids, arrays.pop("pairs.prior")
            self.pairs._load_arrays(arrays)
            return
        self.kept, self.weights = arrays["kept"], torch.from_numpy(arrays["weights"])
        self.recency, self.baskets = float(arrays["recency"]), bool(arrays["baskets"])


def _regress(gram: Tensor, ridge: float) -> Tensor:
    """W [n, n] with a zero diagonal that regresses every column on the others."""
    if not len(gram):
        return gram
    strength = ridge * max(float(gram.diagonal().mean()), 1e-6)
    root = torch.linalg.cholesky(gram + strength * torch.eye(len(gram)))
    inverse = torch.cholesky_inverse(root)
    weights = -inverse / inverse.diagonal()
    weights.fill_diagonal_(0.0)
    return weights


@dataclass(frozen=True)
class _LinearPairsConfig(PairConfig):
    loss: Loss = "logistic"


class _LinearNetwork(PairNetwork):
    """A bag of one set of vectors times another set."""

    def __init__(self, n_items: int, model: "_LinearPairs") -> None:
        super().__init__(n_items, model.config.width, model.traits)
        self.out = torch.nn.Embedding(n_items, model.config.width)
        torch.nn.init.normal_(self.out.weight, std=0.02)

    def of_customers(self, batch: Batch) -> Tensor:
        return self.customers(batch)

    def of_items(self) -> Tensor:
        return self.out.weight

    def match(self, customers: Tensor, items: Tensor) -> Tensor:
        return (customers * items).sum(dim=-1)


class _LinearPairs(PairModel):
    name = "linear"
    config_class = _LinearPairsConfig
    config: _LinearPairsConfig

    def _build(self, n_items: int) -> _LinearNetwork:
        return _LinearNetwork(n_items, self)

    def _contrast(self, wanted: Tensor, unwanted: Tensor) -> Tensor:
        if self.config.loss == "hinge":
            return F.relu(1.0 - wanted) + F.relu(1.0 + unwanted).mean(dim=1)
        return super()._contrast(wanted, unwanted)
