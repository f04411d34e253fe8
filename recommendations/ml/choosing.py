"""Which items a customer is offered: the best ones, with places kept for what it has not had yet.

In shops whose customers buy again, what they had tends to fill the whole list; a campaign that wants to show something
new would find nothing there.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from recommendations.ml.architectures.base import BLOCK_CELLS, Architecture
from recommendations.ml.histories import Histories
from recommendations.ml.job_config import ScoreConfig
from recommendations.ml.ragged import Int64
from recommendations.ml.topk import top_k

Chosen = tuple[Int64, NDArray[np.float32], NDArray[np.bool_]]


def best_items(
    model: Architecture, histories: Histories, config: ScoreConfig, allowed: NDArray[np.bool_] | None
) -> Chosen:
    """Items [b, k], best first, their scores [b, k], and whether the customer has had them [b, k]; -1 = no more."""
    step = max(1, BLOCK_CELLS // max(len(model.item_ids), 1))
    blocks = [
        _best_of_block(model, histories.slice(start, start + step), config, allowed)
        for start in range(0, len(histories), step)
    ]
    if not blocks:
        none = np.zeros((0, config.k))
        return none.astype(np.int64), none.astype(np.float32), none.astype(np.bool_)
    items, scores, had = zip(*blocks, strict=True)
    return np.concatenate(items), np.concatenate(scores), np.concatenate(had)


def _best_of_block(
    model: Architecture, histories: Histories, config: ScoreConfig, allowed: NDArray[np.bool_] | None
) -> Chosen:
    scores = model.score(histories)
    if config.exclude_seen:
        scores[histories.row, histories.item] = -np.inf
    if allowed is not None:
        scores[:, ~allowed] = -np.inf
    had_events = histories.keep(np.isin(histories.type, config.had_types))
    is_had = np.zeros(scores.shape, dtype=np.bool_)
    is_had[had_events.row, had_events.item] = True
    items, values = top_k(torch.from_numpy(scores), config.k)
    if places := round(config.k * config.new_share):
        scores[is_had] = -np.inf
        items, values = _with_new(items, values, top_k(torch.from_numpy(scores), config.k), places)
    had = np.take_along_axis(is_had, items.clip(min=0), axis=1) & (items >= 0)
    return items, values, had


def _with_new(
    items: Int64, values: NDArray[np.float32], new: tuple[Int64, NDArray[np.float32]], places: int
) -> tuple[Int64, NDArray[np.float32]]:
    """The list [b, k] with its last `places` given to the best of `new` [b, k] that it does not hold yet."""
    new_items, new_values = new
    kept = items.shape[1] - places
    listed = (new_items[:, :, None] == items[:, None, :kept]).any(axis=2) | (new_items < 0)
    order = np.argsort(listed, axis=1, kind="stable")[:, :places]
    listed, new_items, new_values = (np.take_along_axis(array, order, axis=1) for array in (listed, *new))
    items = np.concatenate([items[:, :kept], np.where(listed, -1, new_items)], axis=1)
    values = np.concatenate([values[:, :kept], np.where(listed, -np.inf, new_values)], axis=1).astype(np.float32)
    best_first = np.argsort(-values, axis=1, kind="stable")
    return np.take_along_axis(items, best_first, axis=1), np.take_along_axis(values, best_first, axis=1)
