from pathlib import Path

import pytest
from django.utils.translation import override

from recommendations.choices import ModelStage, TrainingStatus
from recommendations.models import ModelVersion, TrainingRun
from recommendations.registry import best_architecture, champion, reason, register_versions, verdict


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
    assert best_architecture(architecture="transformer", metrics=metrics(**scores)) == winner
    run = TrainingRun(architecture="transformer", metrics=metrics(**scores), status=TrainingStatus.SUCCEEDED)
    assert verdict(run).startswith(winner)


def train(tmp_path: Path, **scores: float) -> ModelVersion:
    run = TrainingRun.objects.create(
        architecture="transformer", metrics=metrics(**scores), status=TrainingStatus.SUCCEEDED
    )
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
    assert reason(first) == f"Replaced by {second}."
    assert reason(second) == verdict(second.training_run)
    assert "did not beat" in reason(second)


def test_a_training_that_goes_on_has_no_verdict():
    run = TrainingRun(architecture="transformer", metrics=metrics(transformer=0.3), status=TrainingStatus.RUNNING)
    assert not verdict(run)


def test_the_verdict_is_in_the_readers_language():
    scores = metrics(transformer=0.3, item_knn=0.2)
    run = TrainingRun(architecture="transformer", metrics=scores, status=TrainingStatus.SUCCEEDED)
    with override("zh-hans"):
        assert "投入使用" in verdict(run)
