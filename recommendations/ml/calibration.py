"""Probabilities that mean what they say: of all that were given 20%, a fifth happens."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
STEPS = 50
RIDGE = 1e-3
LARGEST = 30.0  # logits beyond are as good as certain


@dataclass(frozen=True)
class Platt:
    """probability = sigmoid(slope * logit + offset), by maximum likelihood with Platt's smoothed targets (1999)."""

    slope: float
    offset: float

    @classmethod
    def fit(cls, logits: Float64, happened: NDArray[np.bool_]) -> Self:
        """From logits [n] and what happened [n]. Without an example nothing is changed."""
        if not len(logits):
            return cls(1.0, 0.0)
        X = np.stack((np.clip(logits, -LARGEST, LARGEST), np.ones(len(logits))), axis=1)
        slope, offset = logistic_regression(X, happened, start=np.array([1.0, 0.0]))
        return cls(float(slope), float(offset))

    def __call__(self, logits: NDArray[np.floating]) -> Float64:
        """Calibrated probabilities of the same shape."""
        return sigmoid(self.slope * np.clip(logits, -LARGEST, LARGEST) + self.offset)


def logistic_regression(X: Float64, happened: NDArray[np.bool_], *, start: Float64 | None = None) -> Float64:
    """Weights [f] of the signals X [n, f] by Newton's steps, with Platt's targets, drawn a little to `start` (or 0)."""
    positive = int(happened.sum())
    negative = len(happened) - positive
    target = np.where(happened, (positive + 1.0) / (positive + 2.0), 1.0 / (negative + 2.0))
    origin = np.zeros(X.shape[1]) if start is None else start
    weights = origin
    for _ in range(STEPS):
        p = sigmoid(X @ weights)
        gradient = X.T @ (p - target) + RIDGE * (weights - origin)
        curvature = (X * (p * (1.0 - p))[:, None]).T @ X + RIDGE * np.eye(X.shape[1])
        step = np.linalg.solve(curvature, gradient)
        weights = weights - step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < 1e-8:
            break
    return weights


def sigmoid(x: NDArray[np.floating]) -> Float64:
    """1 / (1 + exp(-x)), without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)), dtype=np.float64)


def expected_calibration_error(probability: Float64, happened: NDArray[np.bool_], *, bins: int = 15) -> float:
    """Mean distance of what was foretold from what happened, over bins of equally many examples (Naeini et al., 2015;
    bins by rank, because probabilities of rare things crowd together near 0). 0 without examples."""
    if not len(probability):
        return 0.0
    order = np.argsort(probability, kind="stable")
    gaps = [
        len(part) * abs(float(probability[part].mean()) - float(happened[part].mean()))
        for part in np.array_split(order, min(bins, len(order)))
    ]
    return sum(gaps) / len(order)


def auc(probability: Float64, happened: NDArray[np.bool_]) -> float:
    """Chance that what happened was given more than what did not (Mann and Whitney, 1947); 0.5 where undefined."""
    positive = int(happened.sum())
    negative = len(happened) - positive
    if not positive or not negative:
        return 0.5
    _, inverse, counts = np.unique(probability, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2.0)[inverse]
    return float((rank[happened].sum() - positive * (positive + 1) / 2.0) / (positive * negative))
