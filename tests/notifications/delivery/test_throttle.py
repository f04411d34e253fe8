"""Rates and circuit breakers in a real Valkey; time is moved by moving what is stored there."""

import socket
import time

import pytest

from notifications.delivery import breaker, shared
from notifications.delivery.breaker import Fuse, fail, failing_for, resting, succeed
from notifications.delivery.throttle import BURST_SECONDS, Grant, take

FUSE = Fuse(failures=3, first=60, longest=200)


@pytest.fixture
def hour(settings):
    """One message an hour to slow.example, so that no time that a test takes matters; 60 a minute to others."""
    settings.SEND_RATES = {"slow.example": str(1 / 60), "email": "60"}


def rest_is_over(name):
    shared.shared().zadd(f"{shared.PREFIX}.resting", {name: time.time() - 1})


def test_what_has_no_rate_goes_at_once():
    assert take("free.example", 1_000) == Grant(1_000)


def test_no_more_than_the_rate_is_granted_and_the_rest_is_told_when(hour):
    first = take("slow.example", 3)
    assert first.granted == 1
    assert first.each == pytest.approx(3600)
    assert first.wait == pytest.approx(3600, abs=60)
    assert take("slow.example", 1).granted == 0


def test_a_burst_is_as_much_as_a_few_seconds_bring_and_what_is_not_used_comes_back(hour):
    burst = take("email", 100).granted
    assert burst == BURST_SECONDS  # at one a second
    take("email", -4)
    assert take("email", 100).granted >= 4


def test_failures_in_a_row_open_the_circuit_and_a_failing_probe_doubles_the_rest():
    assert [fail("a", FUSE) for _ in range(2)] == [0, 0]
    assert resting(["a", "b"]) == {}
    assert fail("a", FUSE) == 60
    assert fail("a", FUSE) == pytest.approx(60, abs=5)  # one more that was under way
    assert list(resting(["a", "b"])) == ["a"]
    rests = []
    for _ in range(3):
        rest_is_over("a")
        assert resting(["a"]) == {}
        rests.append(fail("a", FUSE))
    assert rests == [120, 200, 200]
    assert failing_for("a").total_seconds() < 60


def test_a_success_ends_the_row():
    for _ in range(2):
        fail("a", FUSE)
    succeed(["a"])
    assert fail("a", FUSE) == 0
    assert failing_for("b").total_seconds() == 0


def test_a_provider_that_asks_for_more_gets_it():
    assert fail("a", breaker.CHANNEL, retry_after=4000) == 4000


def test_without_redis_nothing_rests_and_nothing_is_limited(hour, settings, tmp_path):
    fail("a", breaker.CHANNEL)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        settings.REDIS_URL = f"redis://127.0.0.1:{probe.getsockname()[1]}"
    shared.shared.cache_clear()
    try:
        assert resting(["a"]) == {}
        assert take("slow.example", 9).granted == 9
        assert fail("a", breaker.CHANNEL) == 0
        succeed(["a"])
    finally:
        shared.shared.cache_clear()
