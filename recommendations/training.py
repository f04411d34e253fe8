"""Training as a job: one row that everybody can watch, one subprocess that does the work."""

import json
import time
from pathlib import Path
from typing import Any

from django.utils import timezone

from recommendations.choices import Architecture, TrainingStatus
from recommendations.export import export_catalogue, export_interactions
from recommendations.job import Job, job_folder
from recommendations.models import TrainingRun
from recommendations.predictions import OUTCOMES
from recommendations.registry import champion, register_versions
from users.choices import EventType

BASELINES = (Architecture.POPULARITY, Architecture.ITEM_KNN)
DEFAULT_CONFIG: dict[str, Any] = {
    "split": "leave_last_order_out",
    "seed": 1,
    "device": "auto",
    "time_budget": 900,
    "text_encoder": "",
    "memory_budget": None,
    "precision": "float32",
    "type_weights": {
        str(int(EventType.VIEW)): 0.2,
        str(int(EventType.CLICK)): 0.2,
        str(int(EventType.WISHLIST)): 0.4,
        str(int(EventType.ADD_TO_CART)): 0.5,
        str(int(EventType.RATING)): 0.5,
        str(int(EventType.PURCHASE)): 1.0,
    },
}
_SAVE_EVERY = 0.5  # seconds between two writes of the progress
_SHARE_OF_EXPORT = 0.02


def start_training(
    *, architecture: str = Architecture.TRANSFORMER, config: dict[str, Any] | None = None
) -> TrainingRun:
    """Queue a training. The caller enqueues the task that runs it.

    The champion's architecture takes part again, so that the new model must beat it on the same held-out data.
    Raises ValueError for an unknown architecture or an unknown key of `config`.
    """
    if architecture not in Architecture.values:
        raise ValueError(f"Unknown architecture {architecture!r}; choose one of {', '.join(Architecture.values)}.")
    unknown = sorted((config or {}).keys() - DEFAULT_CONFIG.keys())
    if unknown:
        raise ValueError(f"Unknown training options: {', '.join(unknown)}.")
    serving = champion()
    rivals = {*BASELINES, *([serving.architecture] if serving else [])} - {architecture}
    return TrainingRun.objects.create(
        architecture=architecture, config={**DEFAULT_CONFIG, **(config or {}), "baselines": sorted(rivals)}
    )


def start_retraining() -> TrainingRun | None:
    """Queue the latest successful training once more, with its options, on what has happened since.

    None where nobody has trained yet, and while a training is queued or running.
    """
    open_states = (TrainingStatus.QUEUED, TrainingStatus.RUNNING)
    latest = TrainingRun.objects.filter(status=TrainingStatus.SUCCEEDED).order_by("-pk").first()
    if latest is None or TrainingRun.objects.filter(status__in=open_states).exists():
        return None
    kept = {key: value for key, value in latest.config.items() if key in DEFAULT_CONFIG}
    return start_training(architecture=latest.architecture, config=kept)


def cancel_training(*, training_run: TrainingRun) -> bool:
    """Ask a queued or running training to stop. False when it had ended already."""
    open_states = (TrainingStatus.QUEUED, TrainingStatus.RUNNING)
    changed = TrainingRun.objects.filter(pk=training_run.pk, status__in=open_states).update(
        status=TrainingStatus.CANCELLED, finished_at=timezone.now(), activity=""
    )
    return bool(changed)


def run_training(*, training_run_id: int) -> TrainingRun:
    """Run a queued training to its end. Does nothing when another worker has taken it, so a repeated task is harmless.

    Whatever goes wrong is written to the row, and the champion keeps serving.
    """
    now = timezone.now()
    taken = TrainingRun.objects.filter(pk=training_run_id, status=TrainingStatus.QUEUED).update(
        status=TrainingStatus.RUNNING, started_at=now, heartbeat_at=now, activity="reading events"
    )
    run = TrainingRun.objects.get(pk=training_run_id)
    if not taken:
        return run
    try:
        with job_folder() as folder:
            _train(run, folder)
    except Exception as error:
        _finish(run, TrainingStatus.FAILED, error=str(error) or type(error).__name__)
        raise
    return TrainingRun.objects.get(pk=training_run_id)


def _train(run: TrainingRun, folder: Path) -> None:
    interactions = export_interactions()
    run.customers, run.items = interactions.n_customers, interactions.n_items
    run.interactions = len(interactions)
    run.save(update_fields=["customers", "items", "interactions"])
    interactions.save(folder / "interactions.npz")
    del interactions
    export_catalogue().save(folder / "catalogue.npz")
    outcomes = {name: [int(kind) for kind in kinds] for name, kinds in OUTCOMES.items()}
    job = Job("train", folder, {"architecture": run.architecture, "outcome_types": outcomes, **run.config})
    try:
        if not _follow(run, job):
            return
    finally:
        job.cancel()
    result = json.loads((folder / "result.json").read_text())
    run.metrics = result["metrics"]
    run.save(update_fields=["metrics"])
    artefacts = {path.stem: path for path in (folder / "artefacts").iterdir()}
    register_versions(training_run=run, artefacts=artefacts)
    _finish(run, TrainingStatus.SUCCEEDED)


def _follow(run: TrainingRun, job: Job) -> bool:
    """Copy the job's progress to the row until it ends. False when the training was cancelled meanwhile."""
    began = saved = time.monotonic()
    for event in job.events():
        if event["event"] == "progress":
            _note(run, event, elapsed=time.monotonic() - began)
        elif event["event"] == "judged":
            run.metrics = {**run.metrics, event["architecture"]: event["metrics"]}
        if time.monotonic() - saved > _SAVE_EVERY:
            saved = time.monotonic()
            if not _save_progress(run):
                return False
    return _save_progress(run)


def _note(run: TrainingRun, event: dict[str, Any], *, elapsed: float) -> None:
    """Put one progress event into the row's fields."""
    epoch = f", epoch {event['epoch']}" if event.get("epoch") else ""
    share = f" ({event['share']:.0%})" if event.get("share") else ""
    run.activity = f"{event['architecture']}: {event['stage']}{epoch}{share}"
    run.eta_seconds = event.get("eta")
    if event.get("epoch") and not event.get("share"):
        kept = ("architecture", "stage", "epoch", "epochs", "loss", "ndcg@10", "elapsed")
        run.history = [*run.history, {key: event[key] for key in kept if event.get(key) is not None}]
    if run.eta_seconds is not None:
        done = _SHARE_OF_EXPORT + (1 - _SHARE_OF_EXPORT) * elapsed / max(elapsed + run.eta_seconds, 0.001)
        run.progress = max(run.progress, min(done, 0.99))


def _save_progress(run: TrainingRun) -> bool:
    """Write the progress unless the run was cancelled; says whether it goes on."""
    return bool(
        TrainingRun.objects.filter(pk=run.pk, status=TrainingStatus.RUNNING).update(
            progress=run.progress,
            activity=run.activity,
            eta_seconds=run.eta_seconds,
            history=run.history,
            metrics=run.metrics,
            heartbeat_at=timezone.now(),
        )
    )


def _finish(run: TrainingRun, status: TrainingStatus, *, error: str = "") -> None:
    done = {"progress": 1.0} if status == TrainingStatus.SUCCEEDED else {}
    TrainingRun.objects.filter(pk=run.pk, status=TrainingStatus.RUNNING).update(
        status=status, error=error, finished_at=timezone.now(), activity="", eta_seconds=None, **done
    )
