"""Metrics of ordered lists against target sets, of lists by themselves, and of foretold probabilities.

Every ranking metric takes `hits` [m, k] (bool: is the item at this rank one of the row's targets) and `sizes` [m] (how
many targets the row has, at least 1), and returns one value a row, float64 [m]. Definitions: Järvelin and Kekäläinen
(2002) for nDCG with binary gains, Voorhees (1999) for the reciprocal rank.
"""

import numpy as np
from numpy.typing import NDArray

from recommendations.ml.ragged import Int64, row_of

Float64 = NDArray[np.float64]
Hits = NDArray[np.bool_]


def find_hits(items: NDArray[np.integer], target_offsets: Int64, target_items: NDArray[np.integer]) -> Hits:
    """Where the ranked `items` [m, k] (-1 = nothing) are among the row's targets: bool [m, k]."""
    width = int(max(items.max(initial=-1), target_items.max(initial=-1))) + 1
    if width == 0 or items.size == 0:
        return np.zeros(items.shape, dtype=bool)
    targets = np.sort(row_of(target_offsets) * width + target_items)
    keys = np.arange(len(items))[:, None] * width + items
    position = np.searchsorted(targets, keys).clip(max=max(len(targets) - 1, 0))
    if not len(targets):
        return np.zeros(items.shape, dtype=bool)
    found: Hits = np.equal(targets[position], keys) & (items >= 0)
    return found


def hr(hits: Hits, sizes: Int64) -> Float64:
    """Hit rate: 1 when at least one target is on the list."""
    return np.asarray(hits.any(axis=1), dtype=np.float64)


def recall(hits: Hits, sizes: Int64) -> Float64:
    """Share of the targets that is on the list."""
    return np.asarray(hits.sum(axis=1) / sizes, dtype=np.float64)


def precision(hits: Hits, sizes: Int64) -> Float64:
    """Share of the list's k places that holds a target."""
    return np.asarray(hits.mean(axis=1), dtype=np.float64)


def mrr(hits: Hits, sizes: Int64) -> Float64:
    """1 / rank of the first target, 0 when none is on the list."""
    return np.where(hits.any(axis=1), 1.0 / (hits.argmax(axis=1) + 1.0), 0.0)


def ndcg(hits: Hits, sizes: Int64) -> Float64:
    """Discounted gain over that of the best list possible: min(k, size) targets in front."""
    discount = 1.0 / np.log2(np.arange(hits.shape[1]) + 2.0)
    ideal = np.concatenate([[0.0], np.cumsum(discount)])
    return np.asarray((hits @ discount) / ideal[np.minimum(sizes, hits.shape[1])], dtype=np.float64)


def f1(hits: Hits, sizes: Int64) -> Float64:
    """Harmonic mean of precision and recall: 2 x hits / (k + size)."""
    return np.asarray(2.0 * hits.sum(axis=1) / (hits.shape[1] + sizes), dtype=np.float64)


def average_precision(hits: Hits, sizes: Int64) -> Float64:
    """Mean, over min(k, size) targets, of the precision at the rank of each that is on the list; its mean is MAP."""
    precisions = np.cumsum(hits, axis=1) / np.arange(1, hits.shape[1] + 1)
    return np.asarray((precisions * hits).sum(axis=1) / np.minimum(sizes, hits.shape[1]), dtype=np.float64)


METRICS = {
    "hr": hr,
    "ndcg": ndcg,
    "mrr": mrr,
    "recall": recall,
    "precision": precision,
    "f1": f1,
    "map": average_precision,
}


def coverage(items: NDArray[np.integer], n_items: int) -> float:
    """Share of the catalogue that appears on at least one list of `items` [m, k]."""
    return len(np.unique(items[items >= 0])) / n_items if n_items else 0.0


def novelty(items: NDArray[np.integer], customers: NDArray[np.integer], n_customers: int) -> Float64:
    """Mean surprise of every list, in bits: -log2 of the share of customers who had each of `items` [m, k].

    customers: how many had each item of the catalogue. An item that nobody had counts as if one had (Vargas and
    Castells, 2011).
    """
    surprise = -np.log2(np.maximum(customers, 1) / max(n_customers, 1))
    shown = items >= 0
    total = np.where(shown, surprise[items.clip(min=0)], 0.0).sum(axis=1)
    return np.asarray(total / np.maximum(shown.sum(axis=1), 1), dtype=np.float64)


def diversity(items: NDArray[np.integer], vectors: NDArray[np.floating]) -> Float64:
    """Mean of 1 - cosine over the pairs of every list `items` [m, k]; 0 for a list of fewer than two.

    vectors: [n_items, f], what the items are (Ziegler et al., 2005). The pairs of a list are never written out: the
    cosines of all pairs sum to (|sum of unit vectors|² - sum of their squared lengths) / 2.
    """
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(min=1e-12)
    shown = items >= 0
    listed = np.where(shown[:, :, None], unit[items.clip(min=0)], 0.0)
    squared = (listed.sum(axis=1) ** 2).sum(axis=1) - (listed**2).sum(axis=(1, 2))
    count = shown.sum(axis=1)
    pairs = count * (count - 1)
    return np.asarray(np.where(pairs > 0, 1.0 - squared / np.maximum(pairs, 1), 0.0), dtype=np.float64)


def log_loss(outcome: NDArray[np.bool_], probability: NDArray[np.floating]) -> float:
    """Mean negative log-likelihood of the outcomes, in nats; probabilities are kept 1e-7 off 0 and 1."""
    p = probability.astype(np.float64).clip(1e-7, 1.0 - 1e-7)
    return float(-np.where(outcome, np.log(p), np.log1p(-p)).mean())
