"""Ranking metrics of ordered lists against target sets.

Every function takes `hits` [m, k] (bool: is the item at this rank one of the row's targets) and `sizes` [m] (how many
targets the row has, at least 1), and returns one value a row, float64 [m]. Definitions: Järvelin and Kekäläinen (2002)
for nDCG with binary gains, Voorhees (1999) for the reciprocal rank.
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


METRICS = {"hr": hr, "ndcg": ndcg, "mrr": mrr, "recall": recall, "precision": precision}


def coverage(items: NDArray[np.integer], n_items: int) -> float:
    """Share of the catalogue that appears on at least one list of `items` [m, k]."""
    return len(np.unique(items[items >= 0])) / n_items if n_items else 0.0
