"""Model versions: what a training produced, and which one serves.

The rule of the gate: all contenders of a training were judged on the same held-out data. The trained architecture
becomes champion only if its NDCG@10 is above that of every baseline; otherwise the best baseline serves.
"""

from collections.abc import Mapping
from pathlib import Path

from django.core.files import File
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from recommendations.choices import ModelStage, TrainingStatus
from recommendations.models import ModelVersion, TrainingRun

DECIDING_METRIC = "ndcg@10"


def champion() -> ModelVersion | None:
    """The version that serves now, or None before the first training."""
    return ModelVersion.objects.filter(stage=ModelStage.CHAMPION).first()


def best_architecture(*, architecture: str, metrics: Mapping[str, Mapping[str, float]]) -> str:
    """Which of the judged contenders should serve."""
    rival = _best_other(architecture, metrics)
    if rival is None or metrics[architecture][DECIDING_METRIC] > metrics[rival][DECIDING_METRIC]:
        return architecture
    return rival


def verdict(training_run: TrainingRun) -> str:
    """Which of the contenders of a training serves, and why, in the reader's language; nothing before it has ended."""
    if training_run.status != TrainingStatus.SUCCEEDED or training_run.architecture not in training_run.metrics:
        return ""
    mine, rival = training_run.architecture, _best_other(training_run.architecture, training_run.metrics)
    if rival is None:
        return gettext("%(mine)s was the only contender.") % {"mine": mine}
    scores = [training_run.metrics[name][DECIDING_METRIC] for name in (mine, rival)]
    names = {"mine": mine, "rival": rival, "score": f"{scores[0]:.4f}", "other": f"{scores[1]:.4f}"}
    if scores[0] > scores[1]:
        sentence = gettext(
            "%(mine)s serves: NDCG@10 %(score)s against %(other)s of %(rival)s, the best of the others, "
            "on the same held-out data."
        )
    else:
        sentence = gettext(
            "%(rival)s serves, because %(mine)s did not beat it: NDCG@10 %(score)s against %(other)s, "
            "on the same held-out data."
        )
    return sentence % names


def reason(version: ModelVersion) -> str:
    """Why a version has its stage, in the reader's language."""
    if version.stage != ModelStage.RETIRED:
        return verdict(version.training_run)
    later = ModelVersion.objects.filter(promoted_at__gt=version.promoted_at).order_by("promoted_at").first()
    return gettext("Replaced by %(version)s.") % {"version": later} if later else ""


def _best_other(architecture: str, metrics: Mapping[str, Mapping[str, float]]) -> str | None:
    others = [name for name in metrics if name != architecture]
    return max(others, key=lambda name: metrics[name][DECIDING_METRIC], default=None)


def register_versions(*, training_run: TrainingRun, artefacts: Mapping[str, Path]) -> ModelVersion:
    """Store one version per artefact of a judged training, promote the winner, and return it.

    The former champion keeps serving until the transaction commits, and is retired by it.
    """
    winner = best_architecture(architecture=training_run.architecture, metrics=training_run.metrics)
    versions = {name: _store(training_run, name, path) for name, path in sorted(artefacts.items())}
    with transaction.atomic():
        ModelVersion.objects.bulk_create(versions.values())
        _promote(versions[winner])
    return versions[winner]


def _store(training_run: TrainingRun, architecture: str, path: Path) -> ModelVersion:
    """An unsaved version whose artefact is already in the storage."""
    version = ModelVersion(
        training_run=training_run, architecture=architecture, metrics=training_run.metrics[architecture]
    )
    with path.open("rb") as file:
        version.artefact.save(f"{training_run.pk}-{architecture}{path.suffix}", File(file), save=False)
    return version


def _promote(version: ModelVersion) -> None:
    ModelVersion.objects.filter(stage=ModelStage.CHAMPION).update(stage=ModelStage.RETIRED)
    version.stage = ModelStage.CHAMPION
    version.promoted_at = timezone.now()
    version.save(update_fields=["stage", "promoted_at"])
