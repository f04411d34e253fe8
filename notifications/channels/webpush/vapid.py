"""Who sends, told to push services by a signed token (VAPID, RFC 8292)."""

import base64
import time
from functools import lru_cache

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

LIFETIME = 12 * 3600  # seconds; the RFC allows 24 h
_RENEW = 6 * 3600  # a token is used for so long, so that signing costs nothing


@lru_cache(maxsize=4)
def _private_key(text: str) -> ec.EllipticCurvePrivateKey:
    try:
        number = int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")
        return ec.derive_private_key(number, ec.SECP256R1())
    except ValueError:
        raise ImproperlyConfigured("VAPID_PRIVATE_KEY must be 32 bytes as base64url; see `make_vapid_key`.") from None


def private_key() -> ec.EllipticCurvePrivateKey:
    """The configured key. Raises ImproperlyConfigured."""
    if not settings.VAPID_PRIVATE_KEY:
        raise ImproperlyConfigured(
            "Web push needs VAPID_PRIVATE_KEY. Make one with `python manage.py make_vapid_key`, and keep it: browsers "
            "that subscribed under another key cannot be written to."
        )
    return _private_key(settings.VAPID_PRIVATE_KEY)


def new_private_key() -> str:
    """A key for `VAPID_PRIVATE_KEY`."""
    return _text(ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value.to_bytes(32, "big"))


def public_key() -> str:
    """What a browser subscribes under (`applicationServerKey`): the uncompressed point as base64url."""
    return _text(private_key().public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


def authorization(origin: str) -> str:
    """The header `Authorization` for the push service at `origin` (scheme, host and port)."""
    return _authorization(origin, settings.VAPID_PRIVATE_KEY, settings.VAPID_SUBJECT, int(time.time()) // _RENEW)


@lru_cache(maxsize=256)
def _authorization(origin: str, _key: str, subject: str, period: int) -> str:
    claims = {"aud": origin, "exp": period * _RENEW + LIFETIME, "sub": subject}
    return f"vapid t={jwt.encode(claims, private_key(), algorithm='ES256')}, k={public_key()}"


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
