"""Circuit breakers: a channel, or the mailboxes of one domain, rest after failures in a row, longer each time.

After the rest the next message is the probe: it closes the circuit, or opens it for twice as long.
"""

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import redis

from notifications.delivery.shared import PREFIX, ask

GIVE_UP = timedelta(days=1)  # a domain that takes nothing for so long is not waited for any more
_REMEMBER = 4 * 86_400  # seconds

# KEYS: resting, failures. ARGV: name, failures in a row that open it, first and longest rest, the rest asked for, how
# long failures are remembered. Returns for how many seconds it rests.
_FAIL = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local already = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or 0) - now
if already > 0 then return string.format('%.3f', already) end
redis.call('HSETNX', KEYS[2], 'since', string.format('%.3f', now))
redis.call('EXPIRE', KEYS[2], ARGV[6])
local beyond = redis.call('HINCRBY', KEYS[2], 'failures', 1) - tonumber(ARGV[2])
if beyond < 0 then return '0' end
local rest = math.min(tonumber(ARGV[4]), tonumber(ARGV[3]) * 2 ^ math.min(beyond, 30))
rest = math.max(rest, tonumber(ARGV[5]))
redis.call('ZREMRANGEBYSCORE', KEYS[1], 0, now)
redis.call('ZADD', KEYS[1], string.format('%.3f', now + rest), ARGV[1])
return string.format('%.3f', rest)
"""
_RESTING = f"{PREFIX}.resting"


@dataclass(frozen=True, slots=True)
class Fuse:
    """How many failures in a row open a circuit, and for how many seconds."""

    failures: int
    first: float
    longest: float


CHANNEL = Fuse(failures=1, first=30, longest=900)  # its provider asked for it, or is not there
LOST = Fuse(failures=3, first=60, longest=3600)  # every lost answer is a message that somebody must look at
DOMAIN = Fuse(failures=5, first=60, longest=3600)


def fail(name: str, fuse: Fuse, *, retry_after: float = 0.0) -> float:
    """Count a failure; returns for how many seconds `name` rests now, 0 where it does not."""

    def question(client: redis.Redis) -> Any:
        given = (fuse.failures, fuse.first, fuse.longest, retry_after, _REMEMBER)
        return client.eval(_FAIL, 2, _RESTING, _failures(name), name, *given)

    return float(ask(question, otherwise="0"))


def succeed(names: Iterable[str]) -> None:
    """A success ends a row of failures."""
    if keys := [_failures(name) for name in names]:
        ask(lambda client: client.delete(*keys), otherwise=None)


def resting(names: Collection[str]) -> dict[str, float]:
    """Seconds that are left to rest, for those of `names` that do."""
    if not names:
        return {}
    ordered = list(names)
    nobody: list[float | None] = [None] * len(ordered)
    scores = ask(lambda client: client.zmscore(_RESTING, ordered), otherwise=nobody)
    now = time.time()
    return {name: until - now for name, until in zip(ordered, scores, strict=True) if until and until > now}


def failing_for(name: str) -> timedelta:
    """How long ago the row of failures began."""
    since: Any = ask(lambda client: client.hget(_failures(name), "since"), otherwise=None)
    return timedelta(seconds=max(0.0, time.time() - float(since))) if since else timedelta()


def _failures(name: str) -> str:
    return f"{PREFIX}.failures.{name}"
