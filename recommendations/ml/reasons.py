"""Why an item is recommended: the event of the customer's own history without which its score would drop most."""

import numpy as np
from numpy.typing import NDArray

from recommendations.ml.architectures.base import Architecture
from recommendations.ml.histories import Histories
from recommendations.ml.ragged import Int64, offsets_of, row_of, spans

CANDIDATES = 10  # latest distinct items of a history that are tried as reasons
LOOKED_AT = 100  # latest events of a history that count here: what is older rarely decides, and costs ten times over


def find_reasons(model: Architecture, histories: Histories, items: Int64, *, block: int = 256) -> Int64:
    """Item of the history behind every recommended item: int64 [b, r] from `items` [b, r]; -1 = none.

    Leave-one-out: every one of the latest CANDIDATES distinct items is taken out of the history, wherever it stands,
    and what is left is scored again. An item whose removal raises the score is no reason; the only item of a
    history always is one.
    """
    reasons = np.full(items.shape, -1, dtype=np.int64)
    if items.size == 0:
        return reasons
    for start in range(0, len(histories), block):
        rows = slice(start, start + block)
        reasons[rows] = _reasons_of_block(model, histories.slice(start, start + block).tail(LOOKED_AT), items[rows])
    return reasons


def latest_distinct(histories: Histories, n: int) -> tuple[Int64, Int64]:
    """Offsets [b + 1] and item numbers of the `n` distinct items of every row that occurred last, latest first."""
    backwards = np.arange(len(histories.item))[::-1]
    keys = histories.row[backwards] * (int(histories.item.max(initial=0)) + 1) + histories.item[backwards]
    first = np.sort(np.unique(keys, return_index=True)[1])
    latest = backwards[first]
    latest = latest[np.lexsort((-latest, histories.row[latest]))]
    lengths = np.bincount(histories.row[latest], minlength=len(histories))
    kept = spans(offsets_of(lengths)[:-1], np.minimum(lengths, n))
    return offsets_of(np.minimum(lengths, n)), histories.item[latest[kept]].astype(np.int64)


def _reasons_of_block(model: Architecture, histories: Histories, items: Int64) -> Int64:
    offsets, candidate = latest_distinct(histories, CANDIDATES)
    if not len(candidate):
        return np.full(items.shape, -1, dtype=np.int64)
    owner = row_of(offsets)
    copies = histories.rows(owner)
    without = copies.keep(copies.item != candidate[copies.row])
    known = items.clip(min=0)
    drop = np.take_along_axis(model.score(histories), known, axis=1)[owner] - _scores_of(model, without, known[owner])
    drop[without.lengths == 0] = np.inf
    result = np.full(items.shape, -1, dtype=np.int64)
    for column in range(items.shape[1]):
        table = np.full((len(histories), CANDIDATES), -np.inf, dtype=np.float32)
        table[owner, np.arange(len(owner)) - offsets[:-1][owner]] = drop[:, column]
        best = table.argmax(axis=1)
        found = (table[np.arange(len(table)), best] > 0) & (items[:, column] >= 0)
        result[found, column] = candidate[(offsets[:-1] + best)[found]]
    return result


def _scores_of(model: Architecture, histories: Histories, items: Int64, step: int = 1024) -> NDArray[np.float32]:
    """Scores of the given items only: float32 [b, r] from `items` [b, r]."""
    parts = [
        np.take_along_axis(model.score(histories.slice(start, start + step)), items[start : start + step], axis=1)
        for start in range(0, len(histories), step)
    ]
    return np.concatenate(parts)
