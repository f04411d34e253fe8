"""API keys: made once, shown once, stored as a hash."""

import hashlib
import secrets
import time
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from users.choices import ApiScope
from users.models import ApiKey

_PREFIX = "apr"
_LAST_USED_PRECISION = timedelta(minutes=5)
REMEMBERED = 5.0  # seconds

_remembered: dict[str, tuple[ApiKey, float]] = {}


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def create_api_key(*, name: str, scope: ApiScope) -> tuple[ApiKey, str]:
    """Make a key. Returns its row and the key itself, which is stored nowhere and cannot be shown again.

    Raises IntegrityError when the name is taken.
    """
    key = f"{_PREFIX}_{scope}_{secrets.token_urlsafe(32)}"
    row = ApiKey.objects.create(name=name, scope=scope, prefix=key[:12], key_hash=_hash(key))
    return row, key


def find_api_key(key: str) -> ApiKey | None:
    """The unrevoked key's row, or None. It is remembered for `REMEMBERED` seconds, so that not every request asks."""
    key_hash = _hash(key)
    row, until = _remembered.get(key_hash, (None, 0.0))
    if row is None or until < time.monotonic():
        row = ApiKey.objects.filter(key_hash=key_hash, revoked_at=None).first()
        if row is None:
            _remembered.pop(key_hash, None)
        else:
            _remembered[key_hash] = row, time.monotonic() + REMEMBERED
            _note_use(row)
    return row


def _note_use(row: ApiKey) -> None:
    """Write down when the key was last used, to five minutes."""
    now = timezone.now()
    if row.last_used_at is None or row.last_used_at < now - _LAST_USED_PRECISION:
        stale = Q(last_used_at=None) | Q(last_used_at__lt=now - _LAST_USED_PRECISION)
        ApiKey.objects.filter(stale, pk=row.pk).update(last_used_at=now)


def revoke_api_key(*, api_key: ApiKey) -> None:
    """Stop accepting the key: at once in this process, in others within `REMEMBERED` seconds."""
    ApiKey.objects.filter(pk=api_key.pk, revoked_at=None).update(revoked_at=timezone.now())
    _remembered.pop(api_key.key_hash, None)
