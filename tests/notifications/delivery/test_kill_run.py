"""SIGKILL at random moments: nobody receives two, nothing is lost in silence, and the database agrees with the sink."""

import json
import os
import subprocess
import sys

import pytest

GOOD = {
    "taken twice": 0,
    "recorded as sent but not taken": 0,
    "taken but neither sent nor unknown": 0,
    "lost in silence": 0,
}


@pytest.mark.parametrize(
    ("messages", "kills", "timeout"),
    [(400, 8, 300), pytest.param(20_000, 300, 2 * 3600, marks=pytest.mark.soak)],
)
def test_workers_valkey_and_postgres_may_be_killed_at_any_moment(messages, kills, timeout):
    environment = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    command = [sys.executable, "-m", "tests.notifications.delivery.kill_run", str(messages), str(kills), "1"]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, timeout=timeout)
    report = json.loads(done.stdout.splitlines()[-1])
    assert {name: report[name] for name in GOOD} == GOOD
    assert sum(report["kills"].values()) == kills
    assert len(report["kills"]) == 3
    assert sum(report["states"].values()) == messages
    assert report["states"].keys() <= {"sent", "unknown"}
