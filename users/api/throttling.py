"""How many requests a minute an API key may make."""

import logging
import time
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

import redis
from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

if TYPE_CHECKING:  # DRF's views import this module while they load
    from rest_framework.views import APIView

WINDOW = 60  # seconds
SHARES = 1_000  # in which processes take a key's requests from Redis, so that few have to wait for it

logger = logging.getLogger(__name__)


@cache
def _redis() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.5)


class ApiKeyThrottle(BaseThrottle):
    """Counts requests per key and minute in Redis. Every answer carries `RateLimit-Limit`, `-Remaining` and `-Reset`.

    The headers are those of the IETF draft "RateLimit header fields for HTTP", version 6. Without Redis nobody is
    refused: a limit guards against accidents, and losing events to a cache that is away would be a worse one.
    """

    def allow_request(self, request: Request, view: "APIView") -> bool:
        limit: int = settings.API_RATE_LIMIT
        if not limit or request.auth is None:
            return True
        now = int(time.time())
        self.left = WINDOW - now % WINDOW
        try:
            used = _count(request.auth.pk, now // WINDOW, max(1, limit // SHARES))
        except redis.RedisError as error:
            logger.warning("Rate limits are off, because Redis does not answer: %s", error)
            return True
        headers = {"Limit": limit, "Remaining": max(limit - used, 0), "Reset": self.left}
        view.headers.update({f"RateLimit-{name}": str(value) for name, value in headers.items()})
        return used <= limit

    def wait(self) -> float:
        return self.left


class _Share(NamedTuple):
    """Requests of a key that this process may still let through without asking Redis."""

    window: int
    taken: int  # from the key's minute, this share and those of other processes before it
    left: int


_shares: dict[int, _Share] = {}
_lock = Lock()


def _count(api_key: int, window: int, share: int) -> int:
    """Which request of the minute `window` this one is; a process takes `share` requests from Redis at a time."""
    with _lock:
        held = _shares.get(api_key)
        if held and held.window == window and held.left:
            _shares[api_key] = held._replace(left=held.left - 1)
            return held.taken - held.left + 1
    name = f"api-requests:{api_key}:{window}"
    taken = int(_redis().incrby(name, share))
    if taken == share:
        _redis().expire(name, 2 * WINDOW)
    with _lock:
        _shares[api_key] = _Share(window, taken, share - 1)
    return taken - share + 1
