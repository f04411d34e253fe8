"""A channel rests after its provider asked for it or was not there; all workers see it, in the shared cache."""

from django.core.cache import cache

REST_SECONDS = 30


def rest_channel(channel: str, *, seconds: int = REST_SECONDS) -> None:
    """Let nobody send on `channel` for `seconds`."""
    cache.set(_key(channel), True, timeout=seconds)


def is_resting(channel: str) -> bool:
    """Whether `channel` rests."""
    return bool(cache.get(_key(channel)))


def _key(channel: str) -> str:
    return f"notifications.rest.{channel}"
