from pathlib import Path

import pytest

from recommendations.choices import ModelStage
from recommendations.models import ModelVersion, TrainingRun
from recommendations.registry import best_architecture, champion, register_versions


def metrics(**scores: float) -> dict[str, dict[str, float]]:
    return {name: {"ndcg@10": score, "hr@10": 2 * score} for name, score in scores.items()}


@pytest.mark.parametrize(
    ("scores", "winner"),
    [
        ({"transformer": 0.3, "item_knn": 0.2, "popularity": 0.1}, "transformer"),
        ({"transformer": 0.2, "item_knn": 0.3, "popularity": 0.1}, "item_knn"),
        ({"transformer": 0.2, "item_knn": 0.2, "popularity": 0.1}, "item_knn"),
        ({"transformer": 0.1}, "transformer"),
    ],
)
def test_only_a_model_that_beats_every_baseline_serves(scores, winner):
    name, verdict = best_architecture(architecture="transformer", metrics=metrics(**scores))
    assert name == winner
    assert verdict.startswith(winner)


def train(tmp_path: Path, **scores: float) -> ModelVersion:
    run = TrainingRun.objects.create(architecture="transformer", metrics=metrics(**scores))
    artefacts = {}
    for name in scores:
        artefacts[name] = tmp_path / f"{name}.npz"
        artefacts[name].write_bytes(f"{name} of run {run.pk}".encode())
    return register_versions(training_run=run, artefacts=artefacts)


@pytest.mark.django_db
def test_every_artefact_is_kept_and_one_serves(tmp_path):
    first = train(tmp_path, transformer=0.3, item_knn=0.2)
    assert champion() == first
    assert first.artefact.read() == f"transformer of run {first.training_run_id}".encode()
    second = train(tmp_path, transformer=0.1, item_knn=0.2)
    assert champion() == second
    assert second.architecture == "item_knn"
    first.refresh_from_db()
    assert first.stage == ModelStage.RETIRED
    assert ModelVersion.objects.filter(stage=ModelStage.CANDIDATE).count() == 2
    assert "did not beat" in TrainingRun.objects.latest("id").verdict
