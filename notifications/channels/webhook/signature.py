"""Signatures of outgoing webhooks, as Standard Webhooks describes them (https://www.standardwebhooks.com)."""

import base64
import hmac
import secrets

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

_PREFIX = "whsec_"


def new_secret() -> str:
    """A secret for `WEBHOOK_SECRET`: 32 random bytes."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def signed_headers(*, webhook_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """`webhook-id`, `webhook-timestamp` and `webhook-signature`. Raises ImproperlyConfigured without a secret."""
    content = f"{webhook_id}.{timestamp}.".encode() + body
    digest = hmac.digest(_secret(settings.WEBHOOK_SECRET), content, "sha256")
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def _secret(text: str) -> bytes:
    try:
        secret = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except ValueError:
        secret = b""
    if not text.startswith(_PREFIX) or len(secret) < 24:
        raise ImproperlyConfigured(
            f"WEBHOOK_SECRET must be {_PREFIX} followed by at least 24 bytes as base64; see `make_webhook_secret`."
        )
    return secret
