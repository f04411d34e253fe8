"""What all workers know of the speed and the health of receivers, kept in Redis.

While Redis is away nothing is known, so nothing rests and nothing is limited. That lasts as long as the session of a
worker at most: without its broker it gets no other.
"""

import logging
from collections.abc import Callable
from functools import cache
from typing import TypeVar

import redis
from django.conf import settings

Result = TypeVar("Result")
PREFIX = "notifications.delivery"
TIMEOUT = 2.0  # seconds

logger = logging.getLogger(__name__)


@cache
def shared() -> redis.Redis:
    """This process's connections; redis-py notices by itself when a worker has forked."""
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT, decode_responses=True
    )


def ask(question: Callable[[redis.Redis], Result], *, otherwise: Result) -> Result:
    """The answer to `question`, or `otherwise` while Redis is away."""
    try:
        return question(shared())
    except redis.RedisError as error:
        logger.warning("Throttles and circuit breakers are off, because Redis does not answer: %s", error)
        return otherwise
