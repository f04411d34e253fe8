"""Options of architectures."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """Options of an architecture; each has its own subclass, stored with the model."""


@dataclass(frozen=True)
class TrainerConfig(Config):
    """Options of everything that is trained by gradients.

    learning_rate, weight_decay: of AdamW. warm_up: epochs over which the rate rises. clip: norm of the gradient.
    average: horizon, in epochs, of the running average of the weights, which is what is judged and kept.
    patience: epochs without a better validation figure before stopping. max_epochs: the most that are trained.
    """

    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    warm_up: float = 1.0
    average: float = 2.0
    patience: int = 6
    max_epochs: int = 200
    clip: float = 1.0
