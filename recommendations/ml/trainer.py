"""The training loop that every gradient-trained architecture shares."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from recommendations.ml.context import Context, FitReport, Progress


@dataclass(frozen=True)
class TrainerConfig:
    """learning_rate, weight_decay: of AdamW. warm_up: epochs over which the rate rises.

    average: horizon, in epochs, of the exponential average of the weights that is judged and kept.
    patience: epochs without a better validation figure before stopping. max_epochs: the most that are trained.
    """

    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    warm_up: float = 1.0
    average: float = 2.0
    patience: int = 6
    max_epochs: int = 200
    clip: float = 1.0


class Average:
    """Exponential moving average of a module's weights (Polyak averaging): steadier than the last step's."""

    def __init__(self, module: nn.Module, horizon: float) -> None:
        """horizon: steps over which a weight is forgotten."""
        self.module, self.decay, self.updates = module, 1.0 - 1.0 / max(horizon, 1.0), 0
        self.values = [parameter.detach().clone() for parameter in module.parameters()]

    @torch.no_grad()
    def update(self) -> None:
        """Take the current weights in."""
        self.updates += 1
        decay = min(self.decay, self.updates / (self.updates + 10.0))
        torch._foreach_lerp_(self.values, [p.detach() for p in self.module.parameters()], 1.0 - decay)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange the average and the module's weights."""
        for value, parameter in zip(self.values, self.module.parameters(), strict=True):
            kept = parameter.detach().clone()
            parameter.copy_(value)
            value.copy_(kept)


def train(
    module: nn.Module,
    *,
    batches: Callable[[np.random.Generator], Iterator[Any]],
    steps_per_epoch: int,
    loss: Callable[[Any], Tensor],
    validate: Callable[[], float] | None,
    config: TrainerConfig,
    context: Context,
    epochs: int | None = None,
) -> FitReport:
    """Train `module` in place and leave it with the weights to keep.

    batches: yields one epoch's batches; loss: scalar of a batch; validate: NDCG@10 of the module as it stands.
    With `epochs` that many are trained and the last average is kept; otherwise the epoch with the best validation
    figure. Either way no epoch is begun that would not end within `context.seconds`.
    """
    generator = np.random.default_rng(context.seed)
    optimizer = torch.optim.AdamW(
        module.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, betas=(0.9, 0.98)
    )
    average = Average(module, config.average * steps_per_epoch)
    total, started = epochs or config.max_epochs, time.monotonic()
    history: list[Progress] = []
    best, best_epoch, best_state = -math.inf, 0, average.values
    step = 0
    for epoch in range(1, total + 1):
        module.train()
        losses = []
        for batch in batches(generator):
            step += 1
            rate = config.learning_rate * min(1.0, step / (config.warm_up * steps_per_epoch))
            for group in optimizer.param_groups:
                group["lr"] = rate
            value = loss(batch)
            optimizer.zero_grad(set_to_none=True)
            value.backward()
            nn.utils.clip_grad_norm_(module.parameters(), config.clip)
            optimizer.step()
            average.update()
            losses.append(value.detach())
        figure = None
        if validate is not None and epochs is None:
            average.swap()
            module.eval()
            figure = validate()
            if figure > best:
                best, best_epoch = figure, epoch
                best_state = [parameter.detach().clone() for parameter in module.parameters()]
            average.swap()
        elapsed = time.monotonic() - started
        per_epoch = elapsed / epoch
        left = math.inf if context.seconds is None else max(0.0, context.seconds - elapsed)
        record = {
            "epoch": epoch,
            "epochs": total,
            "loss": float(torch.stack(losses).mean()) if losses else 0.0,
            "ndcg@10": figure,
            "elapsed": elapsed,
            "eta": min(per_epoch * (total - epoch), left),
        }
        history.append(record)
        context.on_progress(record)
        if figure is not None and epoch - best_epoch >= config.patience:
            break
        if context.seconds is not None and elapsed + per_epoch > context.seconds:
            break
    if best_epoch == 0:
        average.swap()
        return FitReport(epochs=len(history), history=history)
    with torch.no_grad():
        for value, parameter in zip(best_state, module.parameters(), strict=True):
            parameter.copy_(value)
    return FitReport(epochs=best_epoch, history=history)
