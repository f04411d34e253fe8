"""Differentially private training: whoever holds the weights cannot tell whether any one customer took part.

DP-SGD (Abadi et al., 2016) with the customer as the unit: every step draws customers independently, cuts each one's
gradient to a length of at most `clip`, and adds Gaussian noise to the sum. What many such steps give away together is
counted in Rényi divergences (Mironov, 2017; Mironov, Talwar and Zhang, 2019, for the drawn customers), which is what
`epsilon` turns into (epsilon, delta).
"""

import math
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from recommendations.ml.batches import Batch, TrainingBatches
from recommendations.ml.errors import ConfigError

ORDERS = (*range(2, 64), *range(64, 257, 8), 320, 384, 512)


@dataclass(frozen=True)
class Privacy:
    """noise: standard deviation of the noise, in units of `clip`. clip: length that a customer's gradient is cut to.

    customers: drawn for a step, on average. epochs: as many steps as would show every customer that often; it is not
    chosen on validation data, since that choice would give something away too. delta: of (epsilon, delta).
    """

    noise: float
    clip: float = 0.5
    customers: int = 256
    epochs: int = 10
    delta: float = 1e-6

    def __post_init__(self) -> None:
        if not (self.noise > 0 and self.clip > 0 and self.customers > 0 and self.epochs > 0 and 0 < self.delta < 1):
            raise ConfigError("private training needs positive noise, clip, customers and epochs, and 0 < delta < 1")


def epsilon(*, noise: float, rate: float, steps: int, delta: float) -> float:
    """What `steps` give away that draw every customer with probability `rate`; with all orders tried, the least."""
    if steps == 0 or rate == 0:
        return 0.0
    return min(
        # The conversion of Canonne, Kamath and Steinke (2020), proposition 12.
        steps * _divergence(order, noise, rate) + math.log1p(-1.0 / order) - math.log(delta * order) / (order - 1)
        for order in ORDERS
    )


def _divergence(order: int, noise: float, rate: float) -> float:
    """Rényi divergence of a whole order between one step with a customer and one without it."""
    if rate >= 1.0:
        return order / (2.0 * noise**2)
    terms = [
        math.lgamma(order + 1) - math.lgamma(k + 1) - math.lgamma(order - k + 1)
        + k * math.log(rate) + (order - k) * math.log1p(-rate) + (k * k - k) / (2.0 * noise**2)
        for k in range(order + 1)
    ]  # fmt: skip
    return float(np.logaddexp.reduce(terms)) / (order - 1)


class CustomerBatches:
    """Every step a list of batches, one for each drawn customer. What is drawn is nobody's to repeat: no seed."""

    def __init__(self, batches: TrainingBatches, privacy: Privacy) -> None:
        self.batches = batches
        self.customers, self.windows = np.unique(batches.row, return_index=True)
        self.windows = np.append(self.windows, len(batches.row))
        self.rate = min(1.0, privacy.customers / max(len(self.customers), 1))

    def __len__(self) -> int:
        """Steps an epoch."""
        return max(1, round(1.0 / self.rate))

    def halve(self) -> bool:
        """A customer is one batch already; fewer customers would be another privacy."""
        return False

    def epoch(self, generator: np.random.Generator) -> Iterator[list[Batch]]:
        """As many steps as show every customer once on average."""
        secret = np.random.default_rng(secrets.randbits(128))
        for _ in range(len(self) if len(self.customers) else 0):
            drawn = np.flatnonzero(secret.random(len(self.customers)) < self.rate)
            yield [self.batches.of_windows(np.arange(self.windows[one], self.windows[one + 1])) for one in drawn]


def private_gradient(
    module: nn.Module, loss: Callable[[Batch], Tensor], batches: list[Batch], privacy: Privacy, *, expected: float
) -> Tensor:
    """Leave the noisy mean of the customers' cut gradients in the module; the mean loss. expected: customers a step."""
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    totals = [torch.zeros_like(parameter) for parameter in parameters]
    losses = []
    for batch in batches:
        value = loss(batch)
        gradients = torch.autograd.grad(value, parameters, allow_unused=True)
        present = [gradient for gradient in gradients if gradient is not None]
        length = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(one) for one in present]))
        share = float((privacy.clip / length.clamp(min=1e-12)).clamp(max=1.0))
        for total, gradient in zip(totals, gradients, strict=True):
            if gradient is not None:
                total.add_(gradient, alpha=share)
        losses.append(value.detach())
    secret = torch.Generator(device=parameters[0].device).manual_seed(secrets.randbits(63))
    for parameter, total in zip(parameters, totals, strict=True):
        noise = torch.randn(total.shape, generator=secret, device=total.device)
        parameter.grad = (total + noise * (privacy.noise * privacy.clip)) / expected
    return torch.stack(losses).mean() if losses else torch.zeros(())
