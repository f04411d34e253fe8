"""The training loop that every gradient-trained architecture shares."""

import gc
import math
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from recommendations.ml import distributed
from recommendations.ml.averaging import Average, assign, copies
from recommendations.ml.checkpoints import load_checkpoint, save_checkpoint
from recommendations.ml.config import TrainerConfig
from recommendations.ml.context import Context, FitReport, Progress
from recommendations.ml.privacy import private_gradient

REPORT_EVERY = 2.0  # seconds between two reports within an epoch


class BatchSource(Protocol):
    """Where batches come from."""

    def __len__(self) -> int:
        """Batches an epoch, about."""
        ...

    def epoch(self, generator: np.random.Generator) -> Iterator[Any]:
        """All examples once."""
        ...

    def halve(self) -> bool:
        """Make batches half as large; false when they are as small as they can be."""
        ...


class Trainer:
    """Trains `module` in place and leaves it with the weights to keep.

    loss: scalar of a batch; validate: NDCG@10 of the module as it stands, or None. With `epochs` that many are trained
    and the last average is kept; otherwise the epoch with the best validation figure. Either way no epoch is begun
    that would not end within `context.seconds`. A checkpoint is written after every epoch when the context names one.
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        data: BatchSource,
        loss: Callable[[Any], Tensor],
        validate: Callable[[], float] | None,
        config: TrainerConfig,
        context: Context,
        epochs: int | None = None,
    ) -> None:
        self.module, self.data, self.loss = module, data, loss
        self.validate = None if epochs else validate
        self.config, self.context = config, context
        self.total = epochs or config.max_epochs
        self.optimizer = torch.optim.AdamW(
            module.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, betas=(0.9, 0.98)
        )
        self.average = Average(module, config.average * len(data))
        self.step, self.history, self.spent = 0, list[Progress](), 0.0
        self.best, self.best_epoch, self.best_weights = -math.inf, 0, copies(module)
        parts = (
            config,
            epochs,
            context.privacy,
            context.seed,
            context.baskets,
            len(data),
            sum(p.numel() for p in module.parameters()),
        )
        self.key = repr(parts)

    def run(self) -> FitReport:
        """Train, or go on training from the checkpoint."""
        self._resume()
        while not self._finished():
            started = time.monotonic()
            epoch = len(self.history) + 1
            loss = self._epoch(epoch)
            figure = self._validated(epoch)
            self.spent = distributed.from_first(self.spent + time.monotonic() - started)
            self._record(epoch, loss, figure)
            self._checkpoint()
        if self.best_epoch == 0:
            self.average.swap()
            return FitReport(epochs=len(self.history), history=self.history)
        assign(self.module, self.best_weights)
        return FitReport(epochs=self.best_epoch, history=self.history)

    def _finished(self) -> bool:
        done = len(self.history)
        if done == 0:
            return False
        if done >= self.total or (self.best_epoch and done - self.best_epoch >= self.config.patience):
            return True
        seconds = self.context.seconds
        return seconds is not None and self.spent + self.spent / done > seconds

    def _epoch(self, epoch: int) -> float:
        """Mean loss of one pass; when memory runs out, the pass begins again with half the batch."""
        while True:
            try:
                return self._pass(epoch)
            except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
                if not out_of_memory(error) or not self.data.halve():
                    raise
            self.optimizer.zero_grad(set_to_none=True)
            gc.collect()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()

    def _pass(self, epoch: int) -> float:
        # Seeds by epoch: a resumed training draws what an unbroken one would have drawn.
        torch.manual_seed(self.context.seed * 100_003 + epoch * 101 + distributed.rank())
        self.module.train()
        losses: list[Tensor] = []
        started = reported = time.monotonic()
        for batch in self.data.epoch(np.random.default_rng([self.context.seed, epoch])):
            losses.append(self._update(batch))
            now = time.monotonic()
            if self._out_of_time(now - started):
                break
            if now - reported > REPORT_EVERY and distributed.rank() == 0:
                reported = now
                self._report_within(epoch, losses, now - started)
        return float(torch.stack(losses).mean()) if losses else 0.0

    def _out_of_time(self, seconds: float) -> bool:
        """Whether the budget ends within the first pass; later passes are not begun unless they fit."""
        if self.context.seconds is None or self.history:
            return False
        return distributed.from_first(seconds > self.context.seconds)

    def _report_within(self, epoch: int, losses: list[Tensor], seconds: float) -> None:
        """Show that a long epoch moves: `share` is how much of it is done."""
        share = min(len(losses) / max(len(self.data), 1), 0.99)
        spent = self.spent + seconds
        rest = (spent / (epoch - 1 + share)) * (self.total - epoch + 1 - share)
        left = math.inf if self.context.seconds is None else max(0.0, self.context.seconds - spent)
        loss = float(torch.stack(losses[-50:]).mean())
        progress = {"epoch": epoch, "epochs": self.total, "share": share, "loss": loss, "ndcg@10": None}
        self.context.on_progress(progress | {"elapsed": spent, "eta": min(rest, left)})

    def _update(self, batch: Any) -> Tensor:
        self.step += 1
        rate = self.config.learning_rate * min(1.0, self.step / (self.config.warm_up * len(self.data)))
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        value = self._gradient(batch)
        distributed.average_gradients(self.module)
        nn.utils.clip_grad_norm_(self.module.parameters(), self.config.clip)
        self.optimizer.step()
        self.average.update()
        return value

    def _gradient(self, batch: Any) -> Tensor:
        """Leave the gradient in the module; the loss."""
        if self.context.privacy is not None:
            expected = self.context.privacy.customers
            return private_gradient(self.module, self.loss, batch, self.context.privacy, expected=expected)
        value = self.loss(batch)
        value.backward()
        return value.detach()

    def _validated(self, epoch: int) -> float | None:
        if self.validate is None:
            return None
        self.average.swap()
        self.module.eval()
        figure = distributed.from_first(self.validate())
        if figure > self.best:
            self.best, self.best_epoch, self.best_weights = figure, epoch, copies(self.module)
        self.average.swap()
        return figure

    def _record(self, epoch: int, loss: float, figure: float | None) -> None:
        left = math.inf if self.context.seconds is None else max(0.0, self.context.seconds - self.spent)
        self.history.append(
            {
                "epoch": epoch,
                "epochs": self.total,
                "loss": loss,
                "ndcg@10": figure,
                "elapsed": self.spent,
                "eta": min(self.spent / epoch * (self.total - epoch), left),
            }
        )
        if distributed.rank() == 0:
            self.context.on_progress(self.history[-1])

    def _checkpoint(self) -> None:
        if self.context.checkpoint is None or distributed.rank() != 0:
            return
        state = {
            "weights": copies(self.module),
            "average": self.average.values,
            "updates": self.average.updates,
            "optimizer": self.optimizer.state_dict(),
            "best": (self.best, self.best_epoch, self.best_weights),
            "progress": (self.step, self.spent, self.history),
        }
        save_checkpoint(self.context.checkpoint, self.key, state)

    def _resume(self) -> None:
        state = load_checkpoint(self.context.checkpoint, self.key) if self.context.checkpoint else None
        if state is None:
            return
        device = next(self.module.parameters()).device
        assign(self.module, state["weights"])
        self.average.values = [value.to(device) for value in state["average"]]
        self.average.updates = state["updates"]
        self.optimizer.load_state_dict(state["optimizer"])
        self.best, self.best_epoch, weights = state["best"]
        self.best_weights = [value.to(device) for value in weights]
        self.step, self.spent, self.history = state["progress"]


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out; torch's CPU allocator has no type of its own for it."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)
