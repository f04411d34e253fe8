"""Access tokens for Google's APIs from a service account's key (RFC 7523: a signed assertion for a token)."""

import json
import threading
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

import httpx
import jwt
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from notifications.channels.base import OutcomeUnknownError, PermanentError, TransientError
from notifications.channels.exchange import post

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_EARLY = 300  # seconds before its end at which a token is renewed


@dataclass
class ServiceAccount:
    """The key of a service account, with the access token that it was last given; shared by threads."""

    project_id: str
    client_email: str
    private_key: str
    token_uri: str
    _token: str = ""
    _until: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def access_token(self, client: httpx.Client, *, refused: str = "") -> str:
        """A token that is still good, and is not the one that was just `refused`. Raises a DeliveryError."""
        with self._lock:
            if not self._token or self._until < time.monotonic() or self._token == refused:
                self._token, seconds = self._ask(client)
                self._until = time.monotonic() + seconds - _EARLY
            return self._token

    def _ask(self, client: httpx.Client) -> tuple[str, float]:
        now = int(time.time())
        claims = {"iss": self.client_email, "scope": SCOPE, "aud": self.token_uri, "iat": now, "exp": now + 3600}
        assertion = jwt.encode(claims, self.private_key, algorithm="RS256")
        body = urlencode({"grant_type": _GRANT, "assertion": assertion}).encode()
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        try:
            answer = post(client, self.token_uri, content=body, headers=kind, safe_to_repeat=True)
        except OutcomeUnknownError as error:
            raise TransientError(str(error)) from error
        if answer.status_code != 200:
            failure = TransientError if answer.status_code >= 500 or answer.status_code == 429 else PermanentError
            raise failure(f"Google refused an access token with {answer.status_code}: {answer.text[:300]}")
        said = answer.json()
        return said["access_token"], float(said["expires_in"])


def service_account() -> ServiceAccount:
    """The one that `FCM_CREDENTIALS` names. Raises ImproperlyConfigured."""
    if not settings.FCM_CREDENTIALS:
        raise ImproperlyConfigured(
            "Android push needs FCM_CREDENTIALS: the path of the JSON key of a service account of the Firebase project."
        )
    with _loading:
        return _load(settings.FCM_CREDENTIALS)


_loading = threading.Lock()  # two threads would load two accounts, each with a token of its own


@cache
def _load(path: str) -> ServiceAccount:
    try:
        said = json.loads(Path(path).read_text())
        return ServiceAccount(*(said[name] for name in ("project_id", "client_email", "private_key", "token_uri")))
    except (OSError, ValueError, KeyError) as error:
        raise ImproperlyConfigured(f"FCM_CREDENTIALS does not name a service account's key: {error!r}.") from error
