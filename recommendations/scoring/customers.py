"""Score every customer with the champion and write one Recommendation row each, by COPY."""

import io
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from django.db import connection, transaction
from django.utils import timezone
from numpy.typing import NDArray

from recommendations.export import export_interactions, not_repurchasable_items, recommendable_items
from recommendations.job import Job, job_folder
from recommendations.ml.interactions import Interactions
from recommendations.models import ModelVersion
from recommendations.predictions import job_options, write_predictions
from recommendations.registry import champion
from recommendations.scoring.links import write_links
from recommendations.scoring.shelves import fill_shelves, serve_newcomers
from users.choices import EventType

KEPT = 50  # recommendations per customer
NEW_SHARE = 0.5  # of them, kept for items that the customer has not bought yet
REASONS = 8  # the first ones of all, and of those not bought yet, get a reason
BLOCK = 10_000  # customers per COPY

_COLUMNS = ("customer_ids", "item_ids", "scores", "reason_item_ids", "had")  # of the job's result

_MERGE = """
INSERT INTO recommendations_recommendation (customer_id, model_version_id, item_ids, scores, reason_item_ids,
                                            bought_before, scored_at)
SELECT staged.customer_id, %(version)s, staged.item_ids, staged.scores, staged.reason_item_ids, staged.bought_before,
       %(now)s
FROM pg_temp.recommendation_staging AS staged
JOIN users_customer AS customer ON customer.id = staged.customer_id AND customer.erased_at IS NULL
ON CONFLICT (customer_id) DO UPDATE SET
    model_version_id = excluded.model_version_id, item_ids = excluded.item_ids, scores = excluded.scores,
    reason_item_ids = excluded.reason_item_ids, bought_before = excluded.bought_before, scored_at = excluded.scored_at
"""


class NoChampion(RuntimeError):  # noqa: N818
    """There is no model to score with yet."""


def score_customers() -> int:
    """Score everyone in one go. Returns the number of Recommendation rows written.

    Raises NoChampion before the first training, and JobError when the scoring process fails; rows stay as they were.
    """
    version = serving_version()
    now = timezone.now()  # what comes in from here on is news to the rows that will be written
    interactions = export_interactions()
    allowed = recommendable_items()
    with job_folder() as folder:
        _run_job(version, interactions, allowed, folder, job_options())
        scored = _scored(folder, interactions)
        links = _arrays(folder / "links.npz")
        write_predictions(version=version, folder=folder, now=timezone.now())
    with transaction.atomic():
        write_links(links, now=now)
        fill_shelves(allowed=allowed, now=now)
        return _write(version, scored, now) + serve_newcomers(version_id=version.pk, kept=KEPT, now=now)


def prepare_scoring() -> datetime:
    """What a scoring in shards needs of all customers: links, shelves and predictions. The moment from which it counts.

    Raises as `score_customers` does.
    """
    version = serving_version()
    now = timezone.now()
    allowed = recommendable_items()
    with job_folder() as folder:
        _run_job(version, export_interactions(), allowed, folder, {"recommendations": False, **job_options()})
        links = _arrays(folder / "links.npz")
        write_predictions(version=version, folder=folder, now=timezone.now())
    with transaction.atomic():
        write_links(links, now=now)
        fill_shelves(allowed=allowed, now=now)
    return now


def score_again(*, customer_ids: Sequence[int]) -> int:
    """Score these customers only; what goes with every item, and what lies ahead of everybody, stays as it was.

    Returns the number of rows written. Raises as `score_customers` does.
    """
    version = serving_version()
    now = timezone.now()
    interactions = export_interactions(customer_ids=customer_ids)
    if not len(interactions):
        return 0
    with job_folder() as folder:
        _run_job(version, interactions, recommendable_items(), folder, {"links": False})
        scored = _scored(folder, interactions)
    with transaction.atomic():
        return _write(version, scored, now)


def serving_version() -> ModelVersion:
    """The champion. Raises NoChampion before the first training."""
    version = champion()
    if version is None:
        raise NoChampion("No model has been trained yet; run `python manage.py train` first.")
    return version


def _run_job(
    version: ModelVersion, interactions: Interactions, allowed: list[int], folder: Path, options: dict[str, object]
) -> None:
    interactions.save(folder / "interactions.npz")
    artefact = folder / Path(str(version.artefact.name)).name
    with version.artefact.open("rb") as stored:
        artefact.write_bytes(stored.read())
    Job(
        "score",
        folder,
        {
            "artefact": artefact.name,
            "k": KEPT,
            "exclude_seen": False,
            "allowed_items": allowed,
            "had_types": [int(EventType.PURCHASE)],
            "new_share": NEW_SHARE,
            "reasons": REASONS,
            "type_weights": version.training_run.config.get("type_weights", {}),
            **options,
        },
    ).run()


def _scored(folder: Path, interactions: Interactions) -> dict[str, NDArray[Any]]:
    scored = _arrays(folder / "recommendations.npz")
    _drop_bought_once_items(scored, interactions)
    return scored


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    with np.load(path, allow_pickle=False) as arrays:
        return {name: np.asarray(arrays[name]) for name in arrays.files}


def _drop_bought_once_items(scored: dict[str, NDArray[Any]], interactions: Interactions) -> None:
    """Blank (−1) what its customer already bought, for items that are not bought twice."""
    once = np.isin(interactions.item_ids, not_repurchasable_items())
    if not once.any():
        return
    bought = (interactions.type == EventType.PURCHASE) & once[interactions.item]
    width = int(interactions.item_ids.max()) + 1
    pairs = interactions.customer_ids[interactions.customer[bought]] * width
    pairs += interactions.item_ids[interactions.item[bought]]
    offered = scored["customer_ids"][:, None] * width + scored["item_ids"]
    scored["item_ids"][np.isin(offered, pairs)] = -1


def _write(version: ModelVersion, scored: dict[str, NDArray[Any]], now: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE IF NOT EXISTS recommendation_staging (customer_id bigint, item_ids bigint[], "
            "scores float8[], reason_item_ids bigint[], bought_before boolean[]) ON COMMIT DELETE ROWS"
        )
        cursor.execute("TRUNCATE pg_temp.recommendation_staging")
        for start in range(0, len(scored["customer_ids"]), BLOCK):
            block = {name: values[start : start + BLOCK] for name, values in scored.items()}
            cursor.cursor.copy_expert("COPY pg_temp.recommendation_staging FROM STDIN", _copy_text(block))
        cursor.execute(_MERGE, {"version": version.pk, "now": now})
        written: int = cursor.rowcount
        return written


def _copy_text(block: dict[str, NDArray[Any]]) -> io.StringIO:
    """The block as COPY text: arrays in braces, −1 left out of the items and NULL among the reasons."""
    lines = []
    rows = zip(
        *(block[name].tolist() for name in ("customer_ids", "item_ids", "scores", "reason_item_ids", "had")),
        strict=True,
    )
    for customer_id, item_ids, scores, reasons, had in rows:
        kept = [position for position, item_id in enumerate(item_ids) if item_id >= 0]
        items = ",".join(str(item_ids[position]) for position in kept)
        values = ",".join(f"{scores[position]:.6g}" for position in kept)
        because = ",".join("NULL" if reasons[position] < 0 else str(reasons[position]) for position in kept)
        bought = ",".join("t" if had[position] else "f" for position in kept)
        lines.append(f"{customer_id}\t{{{items}}}\t{{{values}}}\t{{{because}}}\t{{{bought}}}\n")
    return io.StringIO("".join(lines))
