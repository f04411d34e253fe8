"""A running average of weights."""

import torch
from torch import Tensor, nn


class Average:
    """Exponential moving average of a module's weights (Polyak and Juditsky, 1992): steadier than the last step's."""

    def __init__(self, module: nn.Module, horizon: float) -> None:
        """horizon: steps after which a weight is mostly forgotten."""
        self.module, self.decay, self.updates = module, 1.0 - 1.0 / max(horizon, 1.0), 0
        self.values = copies(module)

    @torch.no_grad()
    def update(self) -> None:
        """Take the current weights in."""
        self.updates += 1
        decay = min(self.decay, self.updates / (self.updates + 10.0))  # the first steps are not worth remembering
        torch._foreach_lerp_(self.values, [p.detach() for p in self.module.parameters()], 1.0 - decay)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange the average and the module's weights."""
        current = copies(self.module)
        assign(self.module, self.values)
        self.values = current


def copies(module: nn.Module) -> list[Tensor]:
    """The module's weights, detached from it."""
    return [parameter.detach().clone() for parameter in module.parameters()]


@torch.no_grad()
def assign(module: nn.Module, values: list[Tensor]) -> None:
    """Give the module these weights."""
    for value, parameter in zip(values, module.parameters(), strict=True):
        parameter.copy_(value)
