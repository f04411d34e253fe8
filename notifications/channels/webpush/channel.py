"""The web push channel. Each browser names its own push service, so its address is nobody's word but the browser's."""

import json
from functools import cache
from typing import ClassVar

import httpx

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
from notifications.channels.exchange import post
from notifications.channels.http import CONCURRENT, DeviceChannel, retry_after
from notifications.channels.safe_http import ForbiddenTargetError, safe_client
from notifications.channels.webpush.encryption import MAX_PAYLOAD, encrypt
from notifications.channels.webpush.vapid import authorization
from users.choices import Channel
from users.devices import WebSubscription


@cache
def _client() -> httpx.Client:
    return safe_client(connections=2 * CONCURRENT)


class WebPushChannel(DeviceChannel):
    """Encrypted messages to browsers."""

    name: ClassVar[str] = Channel.WEBPUSH
    capabilities: ClassVar[Capabilities] = Capabilities(title_limit=100, body_limit=400)

    def send(self, notice: Notice, address: Address) -> str:
        """Returns the address under which the push service keeps the message. Raises a DeliveryError."""
        subscription = WebSubscription.parse(address.value)
        headers = {
            "Authorization": authorization(_origin(subscription.endpoint)),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(int(notice.ttl.total_seconds())),
            "Urgency": "normal",
            # A newer message of the same campaign takes the place of one that has not been fetched yet (RFC 8030, 5.4).
            "Topic": f"campaign-{self.mailing.campaign_id}",
        }
        try:
            answer = post(
                _client(), subscription.endpoint, content=encrypt(_payload(notice), subscription), headers=headers
            )
        except ForbiddenTargetError as error:
            raise BadAddressError(str(error)) from error
        if answer.status_code in (200, 201, 202):
            return str(answer.headers.get("Location", ""))[:255]
        raise _error(answer)


def _origin(endpoint: str) -> str:
    url = httpx.URL(endpoint)
    return f"{url.scheme}://{url.netloc.decode()}"


def _payload(notice: Notice) -> bytes:
    """What the service worker shows (`apropos-sw.js`). A picture that would make it too large is left out."""
    shown = {
        "title": notice.title,
        "body": notice.body,
        "url": notice.url,
        "tag": f"apropos-{notice.message_id}",  # shown once, should a lost answer make us send it again
        "data": dict(notice.data),
    }
    with_image = _json({**shown, "image": notice.image_url}) if notice.image_url else _json(shown)
    payload = with_image if len(with_image) <= MAX_PAYLOAD else _json(shown)
    if len(payload) > MAX_PAYLOAD:
        raise PermanentError(f"The message has {len(payload):,} bytes; push services take {MAX_PAYLOAD:,}. Shorten it.")
    return payload


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _error(answer: httpx.Response) -> DeliveryError:
    said = f"The push service answered {answer.status_code}: {answer.text[:300]}".rstrip(": ")
    if answer.status_code in (404, 410):
        return BadAddressError(said)
    if answer.status_code == 429:
        return ThrottledError(said, retry_after=retry_after(answer))
    if answer.status_code == 408 or answer.status_code >= 500:
        return TransientError(said)
    return PermanentError(said)
