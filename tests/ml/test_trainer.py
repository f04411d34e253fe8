"""The loop on a model so small that every claim can be checked."""

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from recommendations.ml.averaging import Average
from recommendations.ml.config import TrainerConfig
from recommendations.ml.context import Context
from recommendations.ml.trainer import Trainer

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


class Numbers:
    """Regression of y = 3 x, in batches of `size`."""

    def __init__(self, size=8):
        self.size = size

    def __len__(self):
        return 64 // self.size

    def epoch(self, generator):
        x = torch.from_numpy(generator.normal(size=(64, 1)).astype(np.float32))
        yield from x.split(self.size)

    def halve(self):
        self.size //= 2
        return self.size >= 1


def trainer(context, *, epochs=None, validate=None, data=None, **options):
    torch.manual_seed(5)
    module = nn.Linear(1, 1)
    config = TrainerConfig(**{"learning_rate": 0.05, "average": 0.5, **options})
    loss = lambda x: ((module(x) - 3 * x) ** 2).mean()  # noqa: E731
    return Trainer(
        module, data=data or Numbers(), loss=loss, validate=validate, config=config, context=context, epochs=epochs
    )


def test_it_learns_and_tells():
    seen = []
    one = trainer(Context(on_progress=seen.append), epochs=40)
    report = one.run()
    assert one.module.weight.item() == pytest.approx(3, abs=0.05)
    assert report.epochs == len(seen) == 40
    assert seen[-1]["loss"] < seen[0]["loss"]
    assert seen[-1]["eta"] == 0


def test_the_best_epoch_is_kept_and_patience_ends_the_search():
    figures = iter([0.1, 0.3, 0.2, 0.2, 0.9])
    weights = []
    one = trainer(Context(), validate=lambda: weights.append(one.module.weight.item()) or next(figures), patience=2)
    report = one.run()
    assert (report.epochs, len(report.history)) == (2, 4)
    assert one.module.weight.item() == weights[1]


def test_no_epoch_is_begun_that_would_not_fit_the_budget():
    assert len(trainer(Context(seconds=1e-9), epochs=50).run().history) == 1


def test_running_out_of_memory_halves_the_batch():
    data = Numbers(size=16)

    class Greedy(Numbers):
        def epoch(self, generator):
            if data.size > 4:
                raise torch.OutOfMemoryError("no memory")
            yield from Numbers(data.size).epoch(generator)

        def halve(self):
            return data.halve()

    report = trainer(Context(), epochs=1, data=Greedy(16)).run()
    assert data.size == 4
    assert report.epochs == 1


def test_other_errors_are_not_taken_for_memory():
    class Broken(Numbers):
        def epoch(self, generator):
            raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        trainer(Context(), epochs=1, data=Broken()).run()


def test_the_average_follows_the_weights():
    module = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(module.weight)
    average = Average(module, horizon=2)
    for _ in range(30):
        nn.init.ones_(module.weight)
        average.update()
    average.swap()
    assert module.weight.item() == pytest.approx(1, abs=1e-3)
    average.swap()
    assert module.weight.item() == 1


def test_an_interrupted_training_goes_on_to_the_same_weights(tmp_path):
    whole = trainer(Context(), epochs=6)
    whole.run()

    class PowerCutError(Exception):
        pass

    def stop(progress):
        if progress["epoch"] == 4:
            raise PowerCutError

    with pytest.raises(PowerCutError):  # before the fourth checkpoint: three epochs are safe
        trainer(Context(checkpoint=tmp_path / "c.pt", on_progress=stop), epochs=6).run()
    seen = []
    resumed = trainer(Context(checkpoint=tmp_path / "c.pt", on_progress=seen.append), epochs=6)
    resumed.run()
    assert [progress["epoch"] for progress in seen] == [4, 5, 6]
    torch.testing.assert_close(resumed.module.weight, whole.module.weight)


def test_a_full_disk_is_named_and_the_checkpoint_before_stays(tmp_path):
    path = tmp_path / "c.pt"
    trainer(Context(checkpoint=path), epochs=2).run()
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, limits[1]))
    try:
        with pytest.raises(OSError, match=r"too large|No space"):
            trainer(Context(checkpoint=path), epochs=4).run()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path], "nothing half-written is left behind"


@pytest.mark.parametrize("content", [b"", b"not a checkpoint"])
def test_a_damaged_or_foreign_checkpoint_is_not_used(tmp_path, content):
    path = tmp_path / "c.pt"
    path.write_bytes(content)
    assert len(trainer(Context(checkpoint=path), epochs=2).run().history) == 2
    assert len(trainer(Context(checkpoint=path, seed=9), epochs=2).run().history) == 2


def test_a_killed_job_resumes_and_ends_as_if_nothing_had_been(tmp_path, ring):
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    for folder in (killed, whole):
        folder.mkdir()
        ring.save(folder / "interactions.npz")
        (folder / "config.json").write_text('{"architecture": "transformer", "split": "leave_last_out"}')
    command = [sys.executable, "-m", "recommendations.ml.job", "train"]
    with subprocess.Popen(
        [*command, str(killed)], cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True
    ) as first:
        for line in first.stdout:
            if '"epoch": 3' in line:
                os.kill(first.pid, signal.SIGKILL)
                break
    said = [
        subprocess.run(
            [*command, str(folder)], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=True
        ).stdout
        for folder in (killed, whole)
    ]
    epochs = [line for line in said[0].splitlines() if '"stage": "fit"' in line]
    assert '"epoch": 1,' not in epochs[0]
    assert not list(killed.glob("checkpoints/*"))
    after, unbroken = (json.loads((folder / "result.json").read_text()) for folder in (killed, whole))
    assert after["epochs"] == unbroken["epochs"]
    figures = [result["metrics"]["transformer"]["ndcg@10"] for result in (after, unbroken)]
    assert figures[0] == pytest.approx(figures[1], abs=0.02)
    assert figures[1] > 0.5
