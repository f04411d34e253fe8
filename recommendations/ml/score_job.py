"""The scoring job: the best items of every customer and the reasons for the first few."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommendations.ml.architectures import load
from recommendations.ml.errors import DataError
from recommendations.ml.files import write_arrays
from recommendations.ml.interactions import Interactions
from recommendations.ml.job_config import ScoreConfig
from recommendations.ml.ragged import Int64
from recommendations.ml.reasons import find_reasons

Emit = Callable[..., None]
SHARD = 4096  # customers between two lines of progress


def score_job(directory: Path, config: ScoreConfig, emit: Emit) -> None:
    """Run the job in `directory`. Raises MLError for input that cannot be used."""
    started = time.monotonic()
    model = load(directory / config.artefact)
    interactions = Interactions.load(directory / "interactions.npz")
    histories = interactions.with_items(model.item_ids).histories
    allowed = _allowed(config, model.item_ids)
    n = interactions.n_customers
    items = np.full((n, config.k), -1, dtype=np.int64)
    scores = np.full((n, config.k), -np.inf, dtype=np.float32)
    reasons = np.full((n, config.k), -1, dtype=np.int64)
    top = min(config.reasons, config.k)
    for start in range(0, n, SHARD):
        rows = slice(start, min(start + SHARD, n))
        shard = histories.slice(rows.start, rows.stop)
        items[rows], scores[rows] = model.rank(shard, config.k, exclude_seen=config.exclude_seen, allowed=allowed)
        reasons[rows, :top] = find_reasons(model, shard, items[rows, :top])
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
    }
    write_arrays(directory / "recommendations.npz", arrays)
    emit("done", customers=n, seconds=round(time.monotonic() - started, 3))


def _allowed(config: ScoreConfig, item_ids: Int64) -> NDArray[np.bool_] | None:
    if config.allowed_items is None:
        return None
    return np.isin(item_ids, np.array(config.allowed_items, dtype=np.int64))


def _raw(items: Int64, item_ids: Int64) -> Int64:
    """Raw ids of item numbers; -1 stays -1."""
    if not len(item_ids):
        raise DataError("the artefact holds no items")
    return np.where(items >= 0, item_ids[items.clip(min=0)], -1)
