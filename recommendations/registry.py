"""Model versions: what a training produced, and which one serves.

The rule of the gate: all contenders of a training were judged on the same held-out data. The trained architecture
becomes champion only if its NDCG@10 is above that of every baseline; otherwise the best baseline serves.
"""

from collections.abc import Mapping
from pathlib import Path

from django.core.files import File
from django.db import transaction
from django.utils import timezone

from recommendations.choices import ModelStage
from recommendations.models import ModelVersion, TrainingRun

DECIDING_METRIC = "ndcg@10"


def champion() -> ModelVersion | None:
    """The version that serves now, or None before the first training."""
    return ModelVersion.objects.filter(stage=ModelStage.CHAMPION).first()


def best_architecture(*, architecture: str, metrics: Mapping[str, Mapping[str, float]]) -> tuple[str, str]:
    """Which of the judged contenders should serve, and a sentence that says why."""
    scores = {name: figures[DECIDING_METRIC] for name, figures in metrics.items()}
    others = {name: score for name, score in scores.items() if name != architecture}
    if not others:
        return architecture, f"{architecture} was the only contender."
    rival = max(others, key=lambda name: others[name])
    mine, theirs = scores[architecture], others[rival]
    figures = f"NDCG@10 {mine:.4f} against {theirs:.4f} of {rival}, the best of the others, on the same held-out data"
    if mine > theirs:
        return architecture, f"{architecture} serves: {figures}."
    return rival, f"{rival} serves, because {architecture} did not beat it: {figures}."


def register_versions(*, training_run: TrainingRun, artefacts: Mapping[str, Path]) -> ModelVersion:
    """Store one version per artefact of a judged training, promote the winner, and return it.

    The former champion keeps serving until the transaction commits, and is retired by it.
    """
    winner, verdict = best_architecture(architecture=training_run.architecture, metrics=training_run.metrics)
    versions = {name: _store(training_run, name, path) for name, path in sorted(artefacts.items())}
    with transaction.atomic():
        ModelVersion.objects.bulk_create(versions.values())
        _promote(versions[winner], reason=verdict)
        TrainingRun.objects.filter(pk=training_run.pk).update(verdict=verdict)
    return versions[winner]


def _store(training_run: TrainingRun, architecture: str, path: Path) -> ModelVersion:
    """An unsaved version whose artefact is already in the storage."""
    version = ModelVersion(
        training_run=training_run, architecture=architecture, metrics=training_run.metrics[architecture]
    )
    with path.open("rb") as file:
        version.artefact.save(f"{training_run.pk}-{architecture}{path.suffix}", File(file), save=False)
    return version


def _promote(version: ModelVersion, *, reason: str) -> None:
    now = timezone.now()
    ModelVersion.objects.select_for_update().filter(stage=ModelStage.CHAMPION).update(
        stage=ModelStage.RETIRED, reason=f"Replaced by {version}."
    )
    version.stage = ModelStage.CHAMPION
    version.promoted_at = now
    version.reason = reason
    version.save(update_fields=["stage", "promoted_at", "reason"])
