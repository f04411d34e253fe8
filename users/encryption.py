"""Personal data at rest: Fernet (AES-128-CBC with HMAC-SHA256) under rotating keys, and a keyed hash for look-up.

`PII_KEYS` holds Fernet keys, newest first: the first one encrypts, all of them decrypt. The hashes are keyed by
`PII_LOOKUP_KEY`, or where it is empty by the last (oldest) of them, so that they stay the same while encryption keys
rotate. `users.privacy.rotation` brings what is stored under new keys.
"""

import hashlib
import hmac
from collections.abc import Iterable
from functools import cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models


def _keys() -> tuple[str, ...]:
    if not settings.PII_KEYS:
        raise ImproperlyConfigured(
            "PII_KEYS is empty, and personal data is never stored unencrypted. Make a key with "
            "`python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'` "
            "and set PII_KEYS to it."
        )
    return tuple(settings.PII_KEYS)


@cache
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError as error:
        raise ImproperlyConfigured(f"PII_KEYS holds something that is not a Fernet key: {error}.") from error


def encrypt(text: str) -> str:
    """Encrypt `text`; the empty string stays empty."""
    return _fernet(_keys()).encrypt(text.encode()).decode() if text else ""


def decrypt(token: str) -> str:
    """Decrypt what `encrypt` returned. Raises ImproperlyConfigured when no key in PII_KEYS fits."""
    if not token:
        return ""
    try:
        return _fernet(_keys()).decrypt(token.encode()).decode()
    except InvalidToken as error:
        raise ImproperlyConfigured("No key in PII_KEYS decrypts this value; was a key removed too early?") from error


def lookup_hash(text: str) -> str:
    """Keyed hash of `text`, ignoring case and surrounding space, as 64 hex digits; empty for the empty string."""
    normal = text.strip().casefold()
    return hmac.digest(_lookup_key(), normal.encode(), "sha256").hex() if normal else ""


def keyed_hashes(texts: Iterable[str], *, purpose: str) -> dict[str, str]:
    """Keyed hashes of exactly `texts` as 32 hex digits each; they say nothing about a hash for another purpose.

    BLAKE2b (RFC 7693) with its own key and personalisation, because whole batches are hashed.
    """
    key, person = hashlib.sha256(_lookup_key()).digest(), purpose.encode()
    return {
        text: hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16, key=key, person=person).hexdigest()
        for text in texts
    }


def _lookup_key() -> bytes:
    key: str = settings.PII_LOOKUP_KEY or _keys()[-1]
    return key.encode()


def is_under_newest_key(token: str) -> bool:
    """Whether `token` (what `encrypt` returned) needs no rotation."""
    try:
        Fernet(_keys()[0]).decrypt(token.encode())
    except InvalidToken:
        return not token
    return True


class EncryptedTextField(models.TextField):
    """Text that is plain in Python and encrypted in the database. It cannot be filtered on: keep a `lookup_hash`."""

    def from_db_value(self, value: str | None, *_: object) -> str | None:
        return None if value is None else decrypt(value)

    def get_prep_value(self, value: object) -> str | None:
        return None if value is None else encrypt(str(value))
