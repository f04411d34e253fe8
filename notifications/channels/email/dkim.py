"""DKIM signatures (RFC 6376): rsa-sha256, headers relaxed, body simple.

Written here because whole runs are signed: the key is read once, and RSA is done by OpenSSL instead of in Python.
"""

import base64
import hashlib
import re
import time
from collections.abc import Sequence
from functools import lru_cache

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

# Receivers honour one-click unsubscribing only where the signature covers both List-Unsubscribe headers (RFC 8058 §4).
SIGNED = (
    *("from", "to", "subject", "date", "message-id", "mime-version", "content-type"),
    *("list-unsubscribe", "list-unsubscribe-post", "feedback-id"),
)
_SPACE = re.compile(rb"[ \t]+")
_TRAILING = re.compile(rb"(?:\r\n)*\Z")


class DkimSigner:
    """Signs for one domain. `key` is the private key in PEM, without a password."""

    def __init__(self, *, domain: str, selector: str, key: str) -> None:
        try:
            loaded = load_pem_private_key(key.encode(), password=None)
        except (ValueError, TypeError) as error:
            raise ImproperlyConfigured(f"DKIM_PRIVATE_KEY is no private key in PEM ({error}).") from error
        if not isinstance(loaded, rsa.RSAPrivateKey):
            raise ImproperlyConfigured("DKIM_PRIVATE_KEY must be an RSA key: many receivers know no other kind.")
        self._key = loaded
        self._head = f"v=1; a=rsa-sha256; c=relaxed/simple; d={domain}; s={selector}; h={':'.join(SIGNED)};"

    def header(self, headers: bytes, body: bytes) -> bytes:
        """The DKIM-Signature line for a mail of `headers`, lines that end in CRLF, and `body`."""
        body_hash = base64.b64encode(hashlib.sha256(_TRAILING.sub(b"\r\n", body, count=1)).digest()).decode()
        unsigned = f"DKIM-Signature: {self._head} t={int(time.time())};\r\n bh={body_hash};\r\n b="
        fields = _fields(headers)
        text = b"".join(_relaxed(fields[name]) + b"\r\n" for name in SIGNED if name in fields)
        signature = self._key.sign(text + _relaxed(unsigned.encode()), padding.PKCS1v15(), hashes.SHA256())
        return f"{unsigned}{_folded(base64.b64encode(signature).decode())}\r\n".encode()


def configured_signer() -> DkimSigner | None:
    """The signer of DKIM_DOMAIN, DKIM_SELECTOR and DKIM_PRIVATE_KEY; None where the mail server signs."""
    if not settings.DKIM_PRIVATE_KEY:
        return None
    return _signer(settings.DKIM_DOMAIN, settings.DKIM_SELECTOR, settings.DKIM_PRIVATE_KEY)


@lru_cache(maxsize=4)
def _signer(domain: str, selector: str, key: str) -> DkimSigner:
    return DkimSigner(domain=domain, selector=selector, key=key)


def _fields(headers: bytes) -> dict[str, bytes]:
    lines = re.split(rb"\r\n(?![ \t])", headers.removesuffix(b"\r\n"))
    return {line.partition(b":")[0].strip().lower().decode(): line for line in lines}


def _relaxed(field: bytes) -> bytes:
    """RFC 6376 §3.4.2: lower-case name, unfolded, white space reduced to one space."""
    name, _, value = field.partition(b":")
    return name.strip().lower() + b":" + _SPACE.sub(b" ", value.replace(b"\r\n", b"")).strip()


def _folded(text: str, width: int = 72) -> str:
    parts: Sequence[str] = [text[start : start + width] for start in range(0, len(text), width)]
    return "\r\n ".join(parts)
