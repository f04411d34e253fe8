"""How many requests a minute an API key may make."""

import logging
import time
from functools import cache
from typing import TYPE_CHECKING

import redis
from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

if TYPE_CHECKING:  # DRF's views import this module while they load
    from rest_framework.views import APIView

WINDOW = 60  # seconds

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
            used = _count(f"api-requests:{request.auth.pk}:{now // WINDOW}")
        except redis.RedisError as error:
            logger.warning("Rate limits are off, because Redis does not answer: %s", error)
            return True
        headers = {"Limit": limit, "Remaining": max(limit - used, 0), "Reset": self.left}
        view.headers.update({f"RateLimit-{name}": str(value) for name, value in headers.items()})
        return used <= limit

    def wait(self) -> float:
        return self.left


def _count(key: str) -> int:
    used = int(_redis().incr(key))
    if used == 1:
        _redis().expire(key, 2 * WINDOW)
    return used
