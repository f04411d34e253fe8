import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def evaluate(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "recommendations.ml", *map(str, arguments)],
        cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture
def sequences(tmp_path, ring):
    path = tmp_path / "ring.txt"
    rows = [ring.item_ids[ring.item[ring.customer == c]] for c in range(ring.n_customers)]
    path.write_text("\n".join(f"{c} {' '.join(map(str, row))}" for c, row in enumerate(rows)))
    return path


def test_prints_one_json_object(sequences):
    result = evaluate(sequences, "--architecture", "item_knn", "--json")
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert (report["architecture"], report["users"], report["items"]) == ("item_knn", 300, 60)
    assert report["interactions"] == 2400
    assert {"hr@10", "ndcg@10", "mrr@10", "recall@50", "coverage@10"} <= set(report["metrics"])
    assert report["train_seconds"] >= 0
    assert report["score_seconds"] >= 0


def test_prints_a_table_and_progress_on_stderr(sequences):
    result = evaluate(sequences, "--architecture", "transformer", "--time-budget", 3)
    assert result.returncode == 0, result.stderr
    assert "ndcg@10" in result.stdout
    assert "epoch 1/" in result.stderr


@pytest.mark.parametrize(
    ("content", "extra", "reason"),
    [
        (None, (), "no such file"),
        ("", (), "no interactions"),
        ("1 2\n2 3 4\n", (), "three interactions"),
        ("1 2 3 4\n", ("--time-budget", "-1"), "must be positive"),
        ("1 2 3 4\n", ("--format", "ratings"), "three interactions"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(tmp_path, content, extra, reason):
    path = tmp_path / "file.txt"
    if content is not None:
        path.write_text(content)
    result = evaluate(path, "--architecture", "popularity", *extra)
    assert result.returncode == 2
    assert reason in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert result.stdout == ""


def test_it_runs_where_django_is_not_installed_and_says_what_manage_py_says(sequences):
    blocked = (
        "import sys, runpy\n"
        "sys.modules.update({'django': None, 'celery': None, 'rest_framework': None})\n"
        "runpy.run_module('recommendations.ml', run_name='__main__')"
    )
    options = [str(sequences), "--architecture", "item_knn", "--seed", "3", "--json"]
    environment = {**ENVIRONMENT, "SECRET_KEY": "x", "DJANGO_SETTINGS_MODULE": "config.settings"}
    said = [
        subprocess.run(
            [sys.executable, *command, *options], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        for command in (["-c", blocked], ["manage.py", "evaluate"])
    ]
    assert [one.returncode for one in said] == [0, 0], said[1].stderr
    alone, managed = (json.loads(one.stdout) for one in said)
    for result in (alone, managed):
        del result["train_seconds"], result["score_seconds"]
    assert alone == managed


def test_a_smaller_artefact_and_a_private_model_are_judged_as_such(sequences):
    result = evaluate(sequences, "--architecture", "item_knn", "--precision", "int8", "--json")
    assert json.loads(result.stdout)["precision"] == "int8"
    private = ("--architecture", "rnn", "--private-noise", "2", "--time-budget", "4", "--json")
    report = json.loads(evaluate(sequences, *private).stdout)
    assert 0 < report["epsilon"] < 100
    assert report["delta"] == 1e-6
    refused = evaluate(sequences, "--architecture", "blend", "--private-noise", "2")
    assert refused.returncode == 2
    assert "cannot be trained privately" in refused.stderr
