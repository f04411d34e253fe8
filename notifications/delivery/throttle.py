"""How many messages a minute a channel or the mailboxes of one domain get, all workers together (`SEND_RATES`).

The generic cell rate algorithm (ITU-T I.371): one number a name, the time at which everything that was let through
would be due if it had been sent evenly. A burst may run ahead of it by as much as a few seconds bring.
"""

from dataclasses import dataclass
from typing import Any

import redis
from django.conf import settings

from notifications.delivery.shared import PREFIX, ask

BURST_SECONDS = 5.0

# KEYS: name. ARGV: seconds a message, seconds that may be run ahead, messages wanted (below zero: given back).
# Returns how many may go, and after how many seconds the next one may.
_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local each, ahead, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local due = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
local granted = math.min(wanted, math.max(0, math.floor((now + ahead - due) / each + 1e-6)))
due = math.max(now, due + granted * each)
redis.call('SET', KEYS[1], string.format('%.6f', due), 'PX', math.ceil((due - now) * 1000) + 1000)
return {granted, string.format('%.6f', math.max(0, due + each - now - ahead))}
"""


@dataclass(frozen=True, slots=True)
class Grant:
    """`granted` messages may go now, the next one in `wait` seconds, and then one every `each` seconds."""

    granted: int
    wait: float = 0.0
    each: float = 0.0


def rate_of(name: str) -> float:
    """Messages a minute that `name`, a channel or a domain, may get; 0 for any number."""
    return float(settings.SEND_RATES.get(name, 0) or 0)


def take(name: str, wanted: int) -> Grant:
    """Ask to send `wanted` messages; with a number below zero, give back what was granted and not used."""
    rate = rate_of(name)
    if not rate:
        return Grant(wanted)
    each = 60 / rate
    answer: Any = ask(lambda client: _take(client, name, each, wanted), otherwise=None)
    return Grant(wanted) if answer is None else Grant(int(answer[0]), float(answer[1]), each)


def _take(client: redis.Redis, name: str, each: float, wanted: int) -> Any:
    return client.eval(_TAKE, 1, f"{PREFIX}.due.{name}", each, max(BURST_SECONDS, each), wanted)
