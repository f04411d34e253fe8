"""Ratings: Bayesian probabilistic matrix factorisation by Gibbs sampling (Salakhutdinov and Mnih, 2008).

A rating of customer u for item i is normal around mean + u . v_i; the factors of each side are normal with a mean and a
precision that are themselves drawn from a normal-Wishart prior. The prediction is the mean over draws, which is what
keeps many factors from over-fitting few ratings.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recommendations.ml.artefacts import Arrays
from recommendations.ml.histories import Histories
from recommendations.ml.interactions import Interactions
from recommendations.ml.least_squares import Entries, blocks
from recommendations.ml.ragged import offsets_of

WIDTH = 24
BURN_IN = 40
DRAWS = 60
KEPT = 30


@dataclass(frozen=True)
class Prior:
    """Of one side's factors, before its ratings: mean [d] and precision [d, d]; noise: the precision of a rating."""

    mean: Tensor
    precision: Tensor
    noise: Tensor


@dataclass(frozen=True)
class Scale:
    """Mean, lowest and highest rating."""

    centre: float
    low: float
    high: float


@dataclass(frozen=True)
class RatingModel:
    """Draws of the item factors [draws, n_items, width] and of the customers' priors, to fold anybody in."""

    items: Tensor
    priors: list[Prior]
    scale: Scale

    @classmethod
    def fit(cls, interactions: Interactions, *, seed: int) -> Self:
        """Sample; `interactions.value` holds the ratings."""
        value = interactions.value
        scale = Scale(float(value.mean()), float(value.min()), float(value.max()))
        draws = _Sampler(interactions, scale.centre, torch.Generator().manual_seed(seed)).run()
        return cls(torch.stack([items for items, _ in draws]), [prior for _, prior in draws], scale)

    def predict(self, histories: Histories, row: NDArray[np.int64], item: NDArray[np.int64]) -> NDArray[np.float64]:
        """Expected ratings [p] of items for rows of `histories`, whose values are that customer's ratings."""
        value = torch.from_numpy(histories.value.astype(np.float32)) - self.scale.centre
        entries = Entries(
            histories.offsets, torch.from_numpy(histories.item.astype(np.int64)), torch.ones_like(value), value
        )
        rows, items = torch.from_numpy(row), torch.from_numpy(item)
        total = torch.zeros(len(row))
        for factors, prior in zip(self.items, self.priors, strict=True):
            customers, _ = conditional(entries, factors, prior)
            total += (customers[rows] * factors[items]).sum(dim=1)
        mean: NDArray[np.float64] = (self.scale.centre + total.double() / len(self.priors)).numpy()
        return self.bounded(mean)

    def bounded(self, ratings: NDArray[np.float64]) -> NDArray[np.float64]:
        """Nothing above the highest or below the lowest rating."""
        return ratings.clip(self.scale.low, self.scale.high)

    def arrays(self) -> Arrays:
        """For the artefact."""
        return {
            "ratings.items": self.items.numpy(),
            "ratings.mean": torch.stack([prior.mean for prior in self.priors]).numpy(),
            "ratings.precision": torch.stack([prior.precision for prior in self.priors]).numpy(),
            "ratings.noise": torch.stack([prior.noise for prior in self.priors]).numpy(),
            "ratings.scale": np.array([self.scale.centre, self.scale.low, self.scale.high]),
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self | None:
        """From the artefact; None when it holds no rating model."""
        if "ratings.items" not in arrays:
            return None
        parts = [torch.from_numpy(arrays[f"ratings.{name}"]) for name in ("mean", "precision", "noise")]
        priors = [Prior(*drawn) for drawn in zip(*parts, strict=True)]
        return cls(torch.from_numpy(arrays["ratings.items"]), priors, Scale(*arrays["ratings.scale"].tolist()))


def conditional(entries: Entries, factors: Tensor, prior: Prior) -> tuple[Tensor, Tensor]:
    """Mean [b, d] and Cholesky factor of the precision [b, d, d] of every row's factors, given the other side's."""
    n, d = len(entries), factors.shape[1]
    means = prior.mean.expand(n, d).clone()
    roots = torch.linalg.cholesky(prior.precision).expand(n, d, d).clone()
    for rows, position, valid in blocks(entries.offsets, d):
        gathered = factors[entries.index[position]] * valid[..., None]
        left = prior.precision + prior.noise * (gathered.transpose(1, 2) @ gathered)
        right = prior.precision @ prior.mean + prior.noise * (gathered * entries.value[position][..., None]).sum(dim=1)
        roots[rows] = torch.linalg.cholesky(left)
        means[rows] = torch.cholesky_solve(right[..., None], roots[rows])[..., 0]
    return means, roots


class _Sampler:
    """One chain over the factors U [n_customers, d] and V [n_items, d]."""

    def __init__(self, interactions: Interactions, centre: float, generator: torch.Generator) -> None:
        self.generator = generator
        user, item = (torch.from_numpy(a.astype(np.int64)) for a in (interactions.customer, interactions.item))
        value = torch.from_numpy(interactions.value - np.float32(centre))
        by_item = torch.argsort(item, stable=True)
        item_offsets = offsets_of(np.bincount(interactions.item, minlength=interactions.n_items))
        self.user, self.item, self.value = user, item, value
        self.of_users = Entries(interactions.offsets, item, torch.ones_like(value), value)
        self.of_items = Entries(item_offsets, user[by_item], torch.ones_like(value), value[by_item])
        self.U = 0.1 * torch.randn(interactions.n_customers, WIDTH, generator=generator)
        self.V = 0.1 * torch.randn(interactions.n_items, WIDTH, generator=generator)

    def run(self) -> list[tuple[Tensor, Prior]]:
        """Item factors and customers' prior of every draw that is kept."""
        kept = []
        for step in range(BURN_IN + DRAWS):
            noise = self._noise()
            self.V = self._factors(self.of_items, self.U, self._prior(self.V, noise))
            prior = self._prior(self.U, noise)
            self.U = self._factors(self.of_users, self.V, prior)
            if step >= BURN_IN and step % (DRAWS // KEPT) == 0:
                kept.append((self.V, prior))
        return kept

    def _noise(self) -> Tensor:
        """Precision of a rating, from its gamma posterior under a vague prior."""
        residual = self.value - (self.U[self.user] * self.V[self.item]).sum(dim=1)
        shape = torch.tensor([1.0 + len(self.value) / 2])
        return torch._standard_gamma(shape, generator=self.generator)[0] / (1.0 + residual.square().sum() / 2)

    def _factors(self, entries: Entries, other: Tensor, prior: Prior) -> Tensor:
        means, roots = conditional(entries, other, prior)
        noise = torch.randn(means.shape, generator=self.generator)
        return means + torch.linalg.solve_triangular(roots.transpose(1, 2), noise[..., None], upper=True)[..., 0]

    def _prior(self, factors: Tensor, noise: Tensor) -> Prior:
        """From the normal-Wishart posterior given the side's factors [n, d]."""
        n, d = factors.shape
        average = factors.mean(dim=0)
        centred = factors - average
        strength, freedom = 2.0, d
        shift = strength * n / (strength + n) * torch.outer(average, average)
        root = torch.linalg.cholesky(torch.linalg.inv(torch.eye(d) + centred.t() @ centred + shift))
        # Bartlett's decomposition of a Wishart draw.
        lower = torch.tril(torch.randn(d, d, generator=self.generator), -1)
        chi = [torch.randn(freedom + n - i, generator=self.generator).square().sum().sqrt() for i in range(d)]
        drawn = root @ (lower + torch.diag(torch.stack(chi)))
        precision = drawn @ drawn.t()
        spread = torch.linalg.cholesky((strength + n) * precision)
        step = torch.linalg.solve_triangular(spread.t(), torch.randn(d, 1, generator=self.generator), upper=True)
        return Prior(n / (strength + n) * average + step[:, 0], precision, noise)
