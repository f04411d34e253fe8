"""The channel to iOS apps."""

import json
import threading
import uuid
from functools import cache
from typing import Any, ClassVar

import httpx
from django.conf import settings
from django.utils import timezone

from notifications.channels.apns.token import provider_token
from notifications.channels.base import (
    Address,
    BadAddressError,
    Capabilities,
    DeliveryError,
    Notice,
    PermanentError,
    ThrottledError,
    TransientError,
)
from notifications.channels.exchange import AwayError, post
from notifications.channels.http import DeviceChannel, retry_after
from notifications.channels.safe_http import safe_client
from users.choices import Channel

# One id per message and device: should it be asked for again, Apple's records show one message.
_IDS = uuid.UUID("5f0c7f9e-3f0b-4d0e-9d7b-1f6c9a3f2b11")
# The device is not one of this app's any more, or its token never was one.
_BAD_ADDRESS = {"BadDeviceToken", "Unregistered", "ExpiredToken"}
_EXPIRED = {"ExpiredProviderToken"}


CONNECTIONS = 4  # Apple wants few, kept open


@cache
def _client(thread: int) -> httpx.Client:
    """The connection of one thread. Two threads on one HTTP/2 connection may send their headers in another order than
    they were compressed in, and the server could read none after that.
    """
    return safe_client(http2=True, connections=1)


class ApnsChannel(DeviceChannel):
    """Messages to Apple's devices."""

    name: ClassVar[str] = Channel.APNS
    concurrent: ClassVar[int] = CONNECTIONS
    capabilities: ClassVar[Capabilities] = Capabilities(title_limit=100, body_limit=800)

    def send(self, notice: Notice, address: Address) -> str:
        """Returns `apns-id`. Raises a DeliveryError."""
        token = provider_token()
        answer = self._post(notice, address, token)
        if answer.status_code == 403 and _reason(answer) in _EXPIRED:
            answer = self._post(notice, address, provider_token(refused=token))
        if answer.status_code == 200:
            return str(answer.headers.get("apns-id", ""))
        raise _error(answer)

    def _post(self, notice: Notice, address: Address, token: str) -> httpx.Response:
        headers = {
            "authorization": f"bearer {token}",
            "apns-topic": settings.APNS_TOPIC,
            "apns-push-type": "alert",
            "apns-priority": "5",  # when it suits the phone's battery
            "apns-expiration": str(int((timezone.now() + notice.ttl).timestamp())),
            "apns-collapse-id": f"campaign-{self.mailing.campaign_id}",
            "apns-id": str(uuid.uuid5(_IDS, f"{notice.message_id} {address.id}")),
        }
        try:
            return post(
                _client(threading.get_ident()),
                f"{settings.APNS_URL}/3/device/{address.value}",
                content=_payload(notice),
                headers=headers,
            )
        except AwayError as error:
            raise ThrottledError(str(error)) from error  # there is one provider: the channel rests


def _payload(notice: Notice) -> bytes:
    """https://developer.apple.com/documentation/usernotifications/generating-a-remote-notification"""
    aps: dict[str, Any] = {"alert": {"title": notice.title, "body": notice.body}, "sound": "default"}
    own = {**notice.data, "url": notice.url, "message_id": str(notice.message_id)}
    if notice.image_url:
        aps["mutable-content"] = 1  # lets the app's extension fetch the picture
        own["image_url"] = notice.image_url
    return json.dumps({**own, "aps": aps}, ensure_ascii=False, separators=(",", ":")).encode()


def _reason(answer: httpx.Response) -> str:
    try:
        said = answer.json()
    except ValueError:
        return ""
    return str(said.get("reason", "")) if isinstance(said, dict) else ""


def _error(answer: httpx.Response) -> DeliveryError:
    """https://developer.apple.com/documentation/usernotifications/handling-notification-responses-from-apns"""
    reason = _reason(answer)
    said = f"Apple answered {answer.status_code}: {reason}"
    if answer.status_code == 410 or reason in _BAD_ADDRESS:
        return BadAddressError(said)
    if reason == "TooManyRequests":  # to this one device
        return TransientError(said)
    if answer.status_code == 429 or reason == "Shutdown":
        return ThrottledError(said, retry_after=retry_after(answer))
    return TransientError(said) if answer.status_code >= 500 else PermanentError(said)
