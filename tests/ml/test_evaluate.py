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
