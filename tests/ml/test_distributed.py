"""Two processes train to the same quality as one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def evaluate(path, *, architecture, processes):
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"] if processes > 1 else []
    options = ["--architecture", architecture, "--device", "cpu", "--json"]
    result = subprocess.run(
        [sys.executable, *launcher, "-m", "recommendations.ml", str(path), *options],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    return result


@pytest.fixture
def sequences(tmp_path, ring):
    path = tmp_path / "ring.txt"
    rows = [ring.item_ids[ring.item[ring.customer == c]] for c in range(ring.n_customers)]
    path.write_text("\n".join(f"{c} {' '.join(map(str, row))}" for c, row in enumerate(rows)))
    return path


@pytest.mark.parametrize("architecture", ["two_tower", "transformer"])
def test_two_processes_agree_with_one(sequences, architecture):
    one, two = (evaluate(sequences, architecture=architecture, processes=count) for count in (1, 2))
    alone, together = json.loads(one.stdout), json.loads(two.stdout)  # two processes, but only the first one speaks
    assert together["processes"] == 2
    assert together["metrics"]["ndcg@10"] == pytest.approx(alone["metrics"]["ndcg@10"], abs=0.05)
    assert alone["metrics"]["ndcg@10"] > 0.8
