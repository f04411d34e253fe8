"""Judging a fitted model on held-out moments: full ranking over the catalogue, no sampled negatives."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from recommendations.ml.bootstrap import bootstrap_interval
from recommendations.ml.context import Context
from recommendations.ml.histories import Histories
from recommendations.ml.interactions import Interactions
from recommendations.ml.metrics import METRICS, coverage, find_hits, ndcg, novelty
from recommendations.ml.ragged import Int64, offsets_of, row_of
from recommendations.ml.slices import customer_slices, item_slices
from recommendations.ml.splits import HeldOut

CUTOFFS = (5, 10, 20, 50)
VALIDATED = 5_000  # customers that steer the training; the final judgement takes all


class Ranker(Protocol):
    """What can be judged: every architecture, and anything else that ranks items for histories."""

    item_ids: Int64

    def rank(
        self, histories: Histories, k: int, *, exclude_seen: bool
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]: ...


def judge(
    model: Ranker, held_out: HeldOut, *, exclude_seen: bool, cutoffs: Sequence[int] = CUTOFFS
) -> dict[str, float]:
    """Mean of every metric over the judged customers, as `name@k`. Empty when there is nobody to judge."""
    if not len(held_out):
        return {}
    items, _ = model.rank(held_out.histories, max(cutoffs), exclude_seen=exclude_seen)
    return _means(items, held_out, len(model.item_ids), cutoffs)


def judge_fully(
    model: Ranker, held_out: HeldOut, *, before: Interactions, exclude_seen: bool, seed: int
) -> dict[str, float]:
    """`judge`, and how sure that is, and for whom and what it holds; `before` is what the model was fitted on.

    Besides `name@k`: `novelty@10` in bits; `ndcg@10 low` and `ndcg@10 high`, a 95% bootstrap interval; and
    `ndcg@10 SLICE` of every slice of customers and items that has anybody in it (see `slices`).
    """
    if not len(held_out):
        return {}
    items, _ = model.rank(held_out.histories, max(CUTOFFS), exclude_seen=exclude_seen)
    result = _means(items, held_out, len(model.item_ids), CUTOFFS)
    top = items[:, :10]
    owners = np.unique(before.customer.astype(np.int64) * max(before.n_items, 1) + before.item) % max(before.n_items, 1)
    customers = np.bincount(owners, minlength=before.n_items)
    result["novelty@10"] = float(novelty(top, customers, before.n_customers).mean())
    values = ndcg(find_hits(top, held_out.target_offsets, held_out.target_items), np.diff(held_out.target_offsets))
    result["ndcg@10 low"], result["ndcg@10 high"] = bootstrap_interval(values, seed=seed)
    for name, rows in customer_slices(held_out).items():
        if rows.any():
            result[f"ndcg@10 {name}"] = float(values[rows].mean())
    for name, chosen in item_slices(before).items():
        wanted = chosen[held_out.target_items]
        sizes = np.bincount(row_of(held_out.target_offsets)[wanted], minlength=len(held_out))
        rows = sizes > 0
        if rows.any():
            hits = find_hits(top[rows], offsets_of(sizes[rows]), held_out.target_items[wanted])
            result[f"ndcg@10 {name}"] = float(ndcg(hits, sizes[rows]).mean())
    return result


def _means(items: NDArray[np.int64], held_out: HeldOut, n_items: int, cutoffs: Sequence[int]) -> dict[str, float]:
    hits = find_hits(items, held_out.target_offsets, held_out.target_items)
    sizes = np.diff(held_out.target_offsets)
    result = {}
    for k in cutoffs:
        for name, metric in METRICS.items():
            result[f"{name}@{k}"] = float(metric(hits[:, :k], sizes).mean())
        result[f"coverage@{k}"] = coverage(items[:, :k], n_items)
    return result


class Rater(Protocol):
    """What may foretell ratings."""

    def rate(self, histories: Histories, row: Int64, item: Int64, time: Int64) -> NDArray[np.float64] | None: ...


def judge_ratings(model: Rater, held_out: HeldOut) -> dict[str, float]:
    """Errors of the expected ratings of the held-out items; empty when the model foretells none."""
    items = held_out.target_items.astype(np.int64)
    expected = model.rate(held_out.histories, row_of(held_out.target_offsets), items, held_out.target_times)
    if expected is None or not len(expected):
        return {}
    error = expected - held_out.target_values
    mse = float((error**2).mean())
    return {"mae": float(np.abs(error).mean()), "mse": mse, "rmse": mse**0.5}


def validation_ndcg(model: Ranker, context: Context) -> float:
    """NDCG@10 on the validation data, on a fixed random part of it when it is large; 0 without any."""
    held_out = context.validation
    if held_out is None or not len(held_out):
        return 0.0
    if len(held_out) > VALIDATED:
        chosen = np.random.default_rng(context.seed).choice(len(held_out), VALIDATED, replace=False)
        held_out = held_out.rows(np.sort(chosen))
    return judge(model, held_out, exclude_seen=context.exclude_seen, cutoffs=(10,))["ndcg@10"]
