"""The token by which Apple knows us: a JWT signed with the team's key (ES256)."""

import time
from functools import cache, lru_cache
from pathlib import Path

import jwt
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

# Apple refuses tokens older than an hour, and those renewed more often than every 20 minutes.
_RENEW = 40 * 60


def provider_token(*, refused: str = "") -> str:
    """A token that is still good. One that was just `refused` is replaced. Raises ImproperlyConfigured."""
    missing = [
        name for name in ("APNS_KEY_FILE", "APNS_KEY_ID", "APNS_TEAM_ID", "APNS_TOPIC") if not getattr(settings, name)
    ]
    if missing:
        raise ImproperlyConfigured(f"iOS push needs {', '.join(missing)}; docs/channels.md says where to find them.")
    token = _token(_key(settings.APNS_KEY_FILE), settings.APNS_KEY_ID, settings.APNS_TEAM_ID, _period())
    if token == refused:
        _token.cache_clear()
        return provider_token()
    return token


def _period() -> int:
    return int(time.time()) // _RENEW


@lru_cache(maxsize=2)
def _token(key: str, key_id: str, team_id: str, _period: int) -> str:
    claims = {"iss": team_id, "iat": int(time.time())}
    return jwt.encode(claims, key, algorithm="ES256", headers={"kid": key_id})


@cache
def _key(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError as error:
        raise ImproperlyConfigured(f"APNS_KEY_FILE cannot be read: {error}.") from error
