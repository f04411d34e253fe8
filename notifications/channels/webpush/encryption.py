"""Payloads that only the subscribed browser can read (RFC 8291, content coding aes128gcm of RFC 8188)."""

import base64

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec

from users.devices import WebSubscription

# A push service must take 4,096 bytes (RFC 8030). 86 are the header with salt, record size and the sender's key, 16 the
# authentication tag, 1 the delimiter.
MAX_PAYLOAD = 4096 - 86 - 16 - 1


def encrypt(
    payload: bytes,
    subscription: WebSubscription,
    *,
    salt: bytes | None = None,
    private_key: ec.EllipticCurvePrivateKey | None = None,
) -> bytes:
    """The body of a push message. The salt and the sender's key are new for every message; only tests give them."""
    body: bytes = http_ece.encrypt(
        payload,
        salt=salt,
        private_key=private_key or ec.generate_private_key(ec.SECP256R1()),
        dh=_bytes(subscription.p256dh),
        auth_secret=_bytes(subscription.auth),
        version="aes128gcm",
    )
    return body


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))
