"""The scoring job: the best items of every customer, the reasons for the first few, and what goes with every item."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommendations.ml.architectures import load
from recommendations.ml.architectures.base import Architecture
from recommendations.ml.choosing import best_items
from recommendations.ml.context import Context
from recommendations.ml.errors import DataError
from recommendations.ml.files import write_arrays
from recommendations.ml.histories import Histories
from recommendations.ml.interactions import Interactions
from recommendations.ml.job_config import ScoreConfig
from recommendations.ml.links import link_arrays
from recommendations.ml.outcomes import chances, outcomes_from
from recommendations.ml.predictions import write_predictions
from recommendations.ml.ragged import Int64
from recommendations.ml.reasons import find_reasons

Emit = Callable[..., None]
SHARD = 4096  # customers between two lines of progress


def score_job(directory: Path, config: ScoreConfig, emit: Emit) -> None:
    """Run the job in `directory`. Raises MLError for input that cannot be used."""
    started = time.monotonic()
    model = load(directory / config.artefact)
    interactions = Interactions.load(directory / "interactions.npz")
    if config.recommendations:
        _recommend(directory, config, model, interactions, emit)
    if config.links:
        weights = {int(code): weight for code, weight in config.type_weights.items()}
        links = link_arrays(interactions, Context(type_weights=weights), bought=config.had_types)
        write_arrays(directory / "links.npz", links)
    if config.outcome_types:
        write_predictions(directory, interactions, config, emit)
    emit("done", customers=interactions.n_customers, seconds=round(time.monotonic() - started, 3))


def _recommend(
    directory: Path, config: ScoreConfig, model: Architecture, interactions: Interactions, emit: Emit
) -> None:
    started = time.monotonic()
    histories = interactions.with_items(model.item_ids).histories
    allowed = _allowed(config, model.item_ids)
    n = interactions.n_customers
    items = np.full((n, config.k), -1, dtype=np.int64)
    scores = np.full((n, config.k), -np.inf, dtype=np.float32)
    reasons = np.full((n, config.k), -1, dtype=np.int64)
    had = np.zeros((n, config.k), dtype=np.bool_)
    outcomes = outcomes_from(model.outcomes)
    probabilities = {name: np.zeros((n, config.k), dtype=np.float32) for name in outcomes}
    for start in range(0, n, SHARD):
        rows = slice(start, min(start + SHARD, n))
        shard = histories.slice(rows.start, rows.stop)
        items[rows], scores[rows], had[rows] = best_items(model, shard, config, allowed)
        reasons[rows] = _reasons(model, shard, items[rows], had[rows], config.reasons)
        for name, found in chances(model, outcomes, shard, items[rows]).items():
            probabilities[name][rows] = found
        elapsed = time.monotonic() - started
        emit(
            "progress",
            stage="score",
            done=rows.stop,
            total=n,
            elapsed=elapsed,
            eta=elapsed / rows.stop * (n - rows.stop),
        )
    arrays: dict[str, NDArray[Any]] = {
        "customer_ids": interactions.customer_ids,
        "item_ids": _raw(items, model.item_ids),
        "scores": scores,
        "reason_item_ids": _raw(reasons, model.item_ids),
        "had": had,
        **{f"{name}_probability": values for name, values in probabilities.items()},
    }
    write_arrays(directory / "recommendations.npz", arrays)


def _reasons(
    model: Architecture, histories: Histories, items: Int64, had: NDArray[np.bool_], count: int
) -> NDArray[np.int64]:
    """Reasons [b, k] for the first `count` items of every row and the first `count` not had; -1 elsewhere."""
    count = min(count, items.shape[1])
    first = np.broadcast_to(np.arange(count), (len(items), count))
    places = np.concatenate([first, np.argsort(had, axis=1, kind="stable")[:, :count]], axis=1)
    found = find_reasons(model, histories, np.take_along_axis(items, places, axis=1))
    reasons = np.full(items.shape, -1, dtype=np.int64)
    np.put_along_axis(reasons, places, found, axis=1)
    return reasons


def _allowed(config: ScoreConfig, item_ids: Int64) -> NDArray[np.bool_] | None:
    if config.allowed_items is None:
        return None
    return np.isin(item_ids, np.array(config.allowed_items, dtype=np.int64))


def _raw(items: Int64, item_ids: Int64) -> Int64:
    """Raw ids of item numbers; -1 stays -1."""
    if not len(item_ids):
        raise DataError("the artefact holds no items")
    return np.where(items >= 0, item_ids[items.clip(min=0)], -1)
