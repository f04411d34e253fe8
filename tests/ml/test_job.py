import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def job(task, directory, config):
    if config is not None:
        (directory / "config.json").write_text(json.dumps(config))
    result = subprocess.run(
        [sys.executable, "-m", "recommendations.ml.job", task, str(directory)],
        cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return result.returncode, [json.loads(line) for line in result.stdout.splitlines()], result.stderr


TRAIN = {
    "architecture": "transformer",
    "baselines": ["popularity", "item_knn"],
    "split": "leave_last_order_out",
    "seed": 1,
    "device": "cpu",
    "time_budget": 12,
    "type_weights": {"1": 1.0},
    "outcome_types": {"purchase": [1], "cart": [3]},
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory, repeaters):
    directory = tmp_path_factory.mktemp("job")
    repeaters.save(directory / "interactions.npz")
    return directory, *job("train", directory, TRAIN)


def test_training_judges_everybody_on_the_same_customers(trained, repeaters):
    directory, code, lines, stderr = trained
    assert code == 0, (lines, stderr)
    result = json.loads((directory / "result.json").read_text())
    assert set(result["metrics"]) == {"transformer", "popularity", "item_knn"}
    assert (result["customers"], result["items"]) == (repeaters.n_customers, repeaters.n_items)
    assert result["judged_customers"] == repeaters.n_customers
    assert result["metrics"]["transformer"]["ndcg@10"] > result["metrics"]["popularity"]["ndcg@10"]
    assert result["epochs"] == len(result["history"]["transformer"]) or result["epochs"] > 0
    assert not list(directory.glob("**/*.tmp"))


def test_training_tells_its_progress(trained):
    _, _, lines, _ = trained
    fit = [line for line in lines if line["event"] == "progress" and line["stage"] == "fit"]
    assert {"architecture", "epoch", "epochs", "loss", "ndcg@10", "elapsed", "eta"} <= set(fit[0])
    judged = {line["architecture"]: line["metrics"] for line in lines if line["event"] == "judged"}
    assert set(judged) == {"transformer", "popularity", "item_knn"}


@pytest.mark.parametrize("name", ["transformer", "popularity", "item_knn"])
def test_scoring_writes_a_row_for_every_customer(trained, repeaters, tmp_path, name):
    directory = trained[0]
    (tmp_path / "artefacts").mkdir()
    (tmp_path / "artefacts" / "m.npz").write_bytes((directory / "artefacts" / f"{name}.npz").read_bytes())
    repeaters.save(tmp_path / "interactions.npz")
    allowed = repeaters.item_ids[::2].tolist()
    code, lines, stderr = job(
        "score", tmp_path, {"artefact": "artefacts/m.npz", "k": 5, "allowed_items": allowed, "reasons": 2}
    )
    assert code == 0, (lines, stderr)
    with np.load(tmp_path / "recommendations.npz") as result:
        np.testing.assert_array_equal(result["customer_ids"], repeaters.customer_ids)
        assert result["item_ids"].shape == result["scores"].shape == (repeaters.n_customers, 5)
        assert np.isin(result["item_ids"], allowed).all()
        assert (result["reason_item_ids"][:, 2:] == -1).all()
        given = result["reason_item_ids"][:, :2]
        probability = result["purchase_probability"]
        assert probability.shape == result["scores"].shape
        assert ((probability > 0) & (probability < 1)).all()
        assert "cart_probability" not in result, "what never happens has no probability"
    if name == "popularity":
        assert (given == -1).all()
    else:
        assert (given >= 0).mean() > 0.5
    for row in range(repeaters.n_customers):
        own = set(repeaters.item_ids[repeaters.item[repeaters.customer == row]].tolist())
        assert set(given[row].tolist()) <= own | {-1}


@pytest.mark.parametrize(
    ("task", "config", "reason"),
    [
        ("train", None, "config.json"),
        ("train", {"architecture": "oracle"}, "unknown architecture"),
        ("train", {"architecture": "popularity", "speed": 3}, "unknown option speed"),
        ("train", {"architecture": "popularity", "time_budget": 0}, "must be positive"),
        ("train", {"architecture": "popularity", "memory_budget": -1}, "memory_budget must be positive"),
        ("train", {"architecture": "transformer", "memory_budget": 1}, "memory ran out"),
        ("train", {"baselines": []}, "architecture is missing"),
        ("score", {"artefact": "artefacts/none.npz"}, "no such artefact"),
    ],
)
def test_errors_are_one_json_line_and_exit_code_2(tmp_path, ring, task, config, reason):
    ring.save(tmp_path / "interactions.npz")
    code, lines, stderr = job(task, tmp_path, config)
    assert code == 2, stderr
    assert lines[-1]["event"] == "error"
    assert reason in lines[-1]["message"]
    assert not (tmp_path / "result.json").exists()


def test_missing_interactions_are_named(tmp_path):
    code, lines, _ = job("train", tmp_path, {"architecture": "popularity"})
    assert code == 2
    assert "interactions.npz: no such file" in lines[-1]["message"]
