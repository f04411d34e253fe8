"""Two steps of the loop: train and judge a model through the `gpu` queue, and score every customer with the winner."""

import os
import re
from pathlib import Path
from typing import Any

from django.utils import timezone

from config.celery import app
from demo.folder import LOG_DIR
from demo.progress import Bar, StepFailedError, wait_until
from demo.state import State
from recommendations.choices import Architecture, TrainingStatus
from recommendations.models import Recommendation, TrainingRun
from recommendations.registry import champion, verdict
from recommendations.training import cancel_training, start_training

_TRAINING_SECONDS = 40  # of optimisation, so that a first visit takes minutes
_PATIENCE_SECONDS = 1200
_OPEN = (TrainingStatus.QUEUED, TrainingStatus.RUNNING)


def train(state: State, bar: Bar) -> str:
    """Train, watch, and tell the verdict. A training that an earlier demo left unfinished is begun again."""
    budget = float(os.environ.get("DEMO_TRAIN_SECONDS") or _TRAINING_SECONDS)
    for left in TrainingRun.objects.filter(status__in=_OPEN):
        cancel_training(training_run=left)
    run = start_training(architecture=Architecture.TRANSFORMER, config={"time_budget": budget})
    state.set(training_run=run.pk)
    app.send_task("recommendations.tasks.train_model", args=[run.pk])

    def is_over() -> bool:
        run.refresh_from_db()
        bar.show(_live(run), done=run.progress, total=1)
        return run.status not in _OPEN

    wait_until(is_over, seconds=_PATIENCE_SECONDS, what="The training", log=f"{LOG_DIR}/worker-gpu.log")
    if run.status != TrainingStatus.SUCCEEDED:
        raise StepFailedError(f"The training {run.status}: {run.error or 'no reason was given'}. See worker-gpu.log.")
    return verdict(run)


def _live(run: TrainingRun) -> str:
    """Epoch, loss, validation NDCG@10 and time left, as far as the row tells."""
    last: dict[str, Any] = run.history[-1] if run.history else {}
    parts = [run.activity or run.status]
    if "loss" in last:
        parts.append(f"loss {last['loss']:.3f}")
    if "ndcg@10" in last:
        parts.append(f"NDCG@10 {last['ndcg@10']:.4f}")
    if run.eta_seconds is not None:
        parts.append(f"{run.eta_seconds:.0f} s left")
    return " · ".join(parts)


def score(state: State, bar: Bar) -> str:
    """Have every customer scored by the champion; all rows appear in one transaction."""
    began = timezone.now()
    log = LOG_DIR / "worker-default.log"
    task = app.send_task("recommendations.tasks.score_all_customers")
    bar.show("every customer with the champion")
    fresh = Recommendation.objects.filter(scored_at__gte=began)

    def is_over() -> bool:
        if reason := failure_in(log, task.id):
            raise StepFailedError(f"Scoring the customers failed: {reason}. See {log}.")
        return fresh.exists()

    wait_until(is_over, seconds=_PATIENCE_SECONDS, what="Scoring the customers", log=str(log))
    version = champion()
    return f"{fresh.count():,} customers, by {version.architecture if version else 'nobody'}"


def failure_in(log: Path, task_id: str) -> str:
    """Why the worker that writes `log` gave the task up; empty while it has not. Scoring leaves no row that says it."""
    raised = re.search(rf"{re.escape(task_id)}\] raised \w+: (.*)", log.read_text(errors="replace"))
    return raised[1] if raised else ""
