"""Ratings: Bayesian probabilistic matrix factorisation by Gibbs sampling (Salakhutdinov and Mnih, 2008).

A rating of customer u for item i is normal around mean + u . v_i; the factors of each side are normal with a mean and a
precision that are themselves drawn from a normal-Wishart prior. The prediction is the mean over draws, which is what
keeps many factors from over-fitting few ratings. What is known of a row beside its ratings shifts the mean of its
factors by a link matrix that is drawn too (Macau: Simm et al., 2017); here that is which items were rated at all.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recommendations.ml.artefacts import Arrays
from recommendations.ml.choices import Choices
from recommendations.ml.histories import Histories, steps_back
from recommendations.ml.interactions import Interactions
from recommendations.ml.least_squares import Entries, blocks
from recommendations.ml.ragged import offsets_of

WIDTH = 24
BURN_IN = 40
DRAWS = 160
KEPT = 40
LINK_RIDGE = 5.0
FADING = 0.99  # weight of a rating relative to the customer's next one when expected ratings are asked for


@dataclass(frozen=True)
class Prior:
    """Of one side's factors, before its ratings: mean [d], precision [d, d] and link [k, d], how a row's numbers shift
    its mean; noise: the precision of a rating."""

    mean: Tensor
    precision: Tensor
    noise: Tensor
    link: Tensor

    def means(self, sides: Tensor) -> Tensor:
        """Of every row with the numbers `sides` [b, k]: [b, d]."""
        return self.mean + sides @ self.link


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
    choices: Choices
    scale: Scale

    @classmethod
    def fit(cls, interactions: Interactions, *, seed: int) -> Self:
        """Sample; `interactions.value` holds the ratings."""
        value = interactions.value
        scale = Scale(float(value.mean()), float(value.min()), float(value.max()))
        choices, item_sides = Choices.fit(interactions, seed=seed)
        sides = choices.of(interactions.histories), item_sides
        draws = _Sampler(interactions, sides, scale.centre, torch.Generator().manual_seed(seed)).run()
        return cls(torch.stack([items for items, _ in draws]), [prior for _, prior in draws], choices, scale)

    def predict(self, histories: Histories, row: NDArray[np.int64], item: NDArray[np.int64]) -> NDArray[np.float64]:
        """Expected ratings [p] of items for rows of `histories`, whose values are that customer's ratings."""
        value = torch.from_numpy(histories.value.astype(np.float32)) - self.scale.centre
        entries = Entries(
            histories.offsets,
            torch.from_numpy(histories.item.astype(np.int64)),
            torch.from_numpy((FADING ** steps_back(histories, baskets=False)).astype(np.float32)),
            value,
        )
        rows, items, sides = torch.from_numpy(row), torch.from_numpy(item), self.choices.of(histories)
        total = torch.zeros(len(row))
        for factors, prior in zip(self.items, self.priors, strict=True):
            customers, _ = conditional(entries, factors, prior, sides)
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
            "ratings.link": torch.stack([prior.link for prior in self.priors]).numpy(),
            **self.choices.arrays(),
            "ratings.scale": np.array([self.scale.centre, self.scale.low, self.scale.high]),
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self | None:
        """From the artefact; None when it holds no rating model."""
        if "ratings.items" not in arrays:
            return None
        parts = [torch.from_numpy(arrays[f"ratings.{name}"]) for name in ("mean", "precision", "noise", "link")]
        priors = [Prior(*drawn) for drawn in zip(*parts, strict=True)]
        scale = Scale(*arrays["ratings.scale"].tolist())
        return cls(torch.from_numpy(arrays["ratings.items"]), priors, Choices.from_arrays(arrays), scale)


def conditional(entries: Entries, factors: Tensor, prior: Prior, sides: Tensor) -> tuple[Tensor, Tensor]:
    """Mean [b, d] and Cholesky factor of the precision [b, d, d] of every row's factors, given the other side's.

    sides: [b, k], the rows' numbers.
    """
    n, d = len(entries), factors.shape[1]
    means = prior.means(sides)
    roots = torch.linalg.cholesky(prior.precision).expand(n, d, d).clone()
    for rows, position, valid in blocks(entries.offsets, d):
        gathered = factors[entries.index[position]]
        weighted = gathered * torch.where(valid, entries.weight[position], 0.0)[..., None]
        left = prior.precision + prior.noise * (weighted.transpose(1, 2) @ gathered)
        right = means[rows] @ prior.precision + prior.noise * (weighted * entries.value[position][..., None]).sum(dim=1)
        roots[rows] = torch.linalg.cholesky(left)
        means[rows] = torch.cholesky_solve(right[..., None], roots[rows])[..., 0]
    return means, roots


class _Sampler:
    """One chain over the factors U [n_customers, d] and V [n_items, d]; `sides` are the numbers of their rows."""

    def __init__(
        self, interactions: Interactions, sides: tuple[Tensor, Tensor], centre: float, generator: torch.Generator
    ) -> None:
        self.generator = generator
        self.user_sides, self.item_sides = sides
        self.user_link, self.item_link = (torch.zeros(side.shape[1], WIDTH) for side in sides)
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
            of_items = self._prior(self.V, self.item_sides, self.item_link, noise)
            self.V = self._factors(self.of_items, self.U, of_items, self.item_sides)
            prior = self._prior(self.U, self.user_sides, self.user_link, noise)
            self.U = self._factors(self.of_users, self.V, prior, self.user_sides)
            self.item_link, self.user_link = of_items.link, prior.link
            if step >= BURN_IN and step % (DRAWS // KEPT) == 0:
                kept.append((self.V, prior))
        return kept

    def _noise(self) -> Tensor:
        """Precision of a rating, from its gamma posterior under a vague prior."""
        residual = self.value - (self.U[self.user] * self.V[self.item]).sum(dim=1)
        shape = torch.tensor([1.0 + len(self.value) / 2])
        return torch._standard_gamma(shape, generator=self.generator)[0] / (1.0 + residual.square().sum() / 2)

    def _factors(self, entries: Entries, other: Tensor, prior: Prior, sides: Tensor) -> Tensor:
        means, roots = conditional(entries, other, prior, sides)
        noise = torch.randn(means.shape, generator=self.generator)
        return means + torch.linalg.solve_triangular(roots.transpose(1, 2), noise[..., None], upper=True)[..., 0]

    def _prior(self, factors: Tensor, sides: Tensor, link: Tensor, noise: Tensor) -> Prior:
        """From the normal-Wishart posterior given what `link` leaves of the side's factors [n, d]; then a new link."""
        residual = factors - sides @ link
        n, d = residual.shape
        average = residual.mean(dim=0)
        centred = residual - average
        strength, freedom = 2.0, d
        shift = strength * n / (strength + n) * torch.outer(average, average)
        root = torch.linalg.cholesky(torch.linalg.inv(torch.eye(d) + centred.t() @ centred + shift))
        # Bartlett's decomposition of a Wishart draw.
        lower = torch.tril(torch.randn(d, d, generator=self.generator), -1)
        chi = [torch.randn(freedom + n - i, generator=self.generator).square().sum().sqrt() for i in range(d)]
        drawn = root @ (lower + torch.diag(torch.stack(chi)))
        precision = drawn @ drawn.t()
        mean = n / (strength + n) * average + self._spread(((strength + n) * precision), 1)[:, 0]
        return Prior(mean, precision, noise, self._link(factors - mean, sides, precision))

    def _link(self, factors: Tensor, sides: Tensor, precision: Tensor) -> Tensor:
        """Draw the regression [k, d] of factors on sides, whose rows' noise has `precision`."""
        gram = sides.t() @ sides + LINK_RIDGE * torch.eye(sides.shape[1])
        mean = torch.cholesky_solve(sides.t() @ factors, torch.linalg.cholesky(gram))
        noise = self._spread(precision, sides.shape[1]).t()
        return mean + torch.linalg.solve_triangular(torch.linalg.cholesky(gram).t(), noise, upper=True)

    def _spread(self, precision: Tensor, n: int) -> Tensor:
        """`n` draws of a centred normal with that precision [d, d], as columns: [d, n]."""
        normal = torch.randn(len(precision), n, generator=self.generator)
        return torch.linalg.solve_triangular(torch.linalg.cholesky(precision).t(), normal, upper=True)
