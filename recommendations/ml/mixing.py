"""Weights of a sum of scores, chosen on validation data by what they do to the ranking."""

import itertools

import numpy as np
from numpy.typing import NDArray

from recommendations.ml.metrics import find_hits, ndcg
from recommendations.ml.splits import HeldOut

STEPS = (0.0, 0.25, 0.5, 0.7, 0.85, 1.2, 1.5, 2.0, 4.0)


def learn_weights(
    features: NDArray[np.float32], items: NDArray[np.int64], held_out: HeldOut, start: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Weights [f] that give the best NDCG@10, and that figure, by coordinate ascent from `start` [f].

    features: float32 [m, c, f] of the candidates `items` [m, c] (-1 = none) of every judged customer. Every weight in
    turn is multiplied by each of STEPS until no step helps. The direct search keeps to the measure that is reported,
    which has no gradient; with a handful of weights and only candidates to rank, it takes moments.
    """
    weights, best = start.astype(np.float64), _figure(features, items, held_out, start)
    improved = True
    while improved:
        improved = False
        for part, step in itertools.product(range(len(weights)), STEPS):
            trial = weights.copy()
            trial[part] = weights[part] * step if weights[part] else step
            figure = _figure(features, items, held_out, trial)
            if figure > best + 1e-6:
                weights, best, improved = trial, figure, True
    return weights, best


def _figure(
    features: NDArray[np.float32], items: NDArray[np.int64], held_out: HeldOut, weights: NDArray[np.float64]
) -> float:
    scores = np.where(items >= 0, features @ weights.astype(np.float32), -np.inf)
    k = min(10, items.shape[1])
    best = np.argpartition(-scores, k - 1, axis=1)[:, :k]
    best = np.take_along_axis(best, np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1), axis=1)
    hits = find_hits(np.take_along_axis(items, best, axis=1), held_out.target_offsets, held_out.target_items)
    return float(ndcg(hits, np.diff(held_out.target_offsets)).mean())
