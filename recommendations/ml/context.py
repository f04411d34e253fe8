"""What a model is told when it is fitted, and what it tells back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommendations.ml.privacy import Privacy
from recommendations.ml.splits import HeldOut

Progress = dict[str, Any]


def ignore_progress(_: Progress) -> None:
    """The listener of those who do not care."""


@dataclass(frozen=True)
class Context:
    """How to fit.

    validation: what choices (epochs, mixing weights) are made on. None = repeat the choices of the fit before.
    baskets: events of a customer at the same time are one moment, to be predicted as a set.
    exclude_seen: whether recommending what the customer already had counts for nothing.
    seconds: wall-clock budget of the fit. type_weights: event-type code -> how much such an event counts.
    features: float32 [n_items, f], what is known of every item of the catalogue beside who had it.
    privacy: train so that no single customer shows in the weights; None = plainly.
    checkpoint: file to resume from and to keep up to date. on_progress: called after every epoch.
    """

    validation: HeldOut | None = None
    baskets: bool = False
    exclude_seen: bool = True
    seed: int = 1
    device: str = "cpu"
    seconds: float | None = None
    type_weights: Mapping[int, float] = field(default_factory=dict)
    features: NDArray[np.float32] | None = None
    privacy: Privacy | None = None
    checkpoint: Path | None = None
    on_progress: Callable[[Progress], None] = ignore_progress


@dataclass(frozen=True)
class FitReport:
    """What a fit did: the number of epochs whose state was kept (0 = not iterative), its curve, and for a private fit
    the epsilon of its weights."""

    epochs: int = 0
    history: list[Progress] = field(default_factory=list)
    epsilon: float | None = None
