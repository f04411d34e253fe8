"""The webhook channel: each message is one signed POST, and whoever receives it passes it on."""

import json
import time
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, ClassVar

import httpx
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

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
from notifications.channels.http import CONCURRENT, RequestChannel, retry_after
from notifications.channels.safe_http import ForbiddenTargetError, check_target, safe_client
from notifications.channels.webhook.signature import signed_headers
from users.models import Customer

TYPE = "message.send"


@cache
def _client() -> httpx.Client:
    return safe_client(connections=CONCURRENT)


class WebhookChannel(RequestChannel):
    """Messages to whoever listens at `WEBHOOK_URL`. `webhook-id` is the same whenever a message is tried again, so the
    receiver can tell a second copy.
    """

    capabilities: ClassVar[Capabilities] = Capabilities(idempotency_key=True, title_limit=200, body_limit=2_000)
    unreachable: ClassVar[str] = "{customer}.external_id IS NULL"

    @classmethod
    def addresses(cls, customer_ids: Sequence[int]) -> Mapping[int, tuple[Address, ...]]:
        """The shop's id of each customer, with what a provider may need: phone, language."""
        rows = Customer.objects.filter(pk__in=customer_ids, erased_at=None).exclude(external_id=None)
        return {
            pk: (Address(external_id or "", id=pk, keys={"phone": phone, "language": language}),)
            for pk, external_id, phone, language in rows.values_list("pk", "external_id", "phone", "language")
        }

    @classmethod
    def retire(cls, addresses: Sequence[Address]) -> None:
        """The receiver knows its own subscribers; a customer stays reachable for the next message."""

    def send(self, notice: Notice, address: Address) -> str:
        """Returns the `webhook-id`. Raises a DeliveryError."""
        body = json.dumps(self._body(notice, address), ensure_ascii=False, separators=(",", ":")).encode()
        webhook_id = f"msg_{self.mailing.token}_{notice.message_id}"
        headers = signed_headers(webhook_id=webhook_id, timestamp=int(time.time()), body=body)
        try:
            answer = post(
                _client(),
                _url(),
                content=body,
                headers={**headers, "Content-Type": "application/json", "User-Agent": "Apropos-Webhook/1"},
                safe_to_repeat=True,
            )
        except AwayError as error:
            raise ThrottledError(str(error)) from error  # there is one receiver: the channel rests
        except ForbiddenTargetError as error:
            raise PermanentError(str(error)) from error
        if 200 <= answer.status_code < 300:
            return webhook_id
        raise _error(answer)

    def _body(self, notice: Notice, address: Address) -> dict[str, Any]:
        return {
            "type": TYPE,
            "timestamp": timezone.now().isoformat(),
            "data": {
                "message_id": notice.message_id,
                "campaign_id": self.mailing.campaign_id,
                "customer": {"id": address.value, **{name: text for name, text in address.keys.items() if text}},
                "title": notice.title,
                "body": notice.body,
                "url": notice.url,
                "image_url": notice.image_url,
                "unsubscribe_url": notice.unsubscribe_url,
                "data": dict(notice.data),
                "expires_at": (timezone.now() + notice.ttl).isoformat(),
            },
        }


def _url() -> str:
    url: str = settings.WEBHOOK_URL
    if not url:
        raise ImproperlyConfigured("The webhook channel needs WEBHOOK_URL and WEBHOOK_SECRET.")
    try:
        check_target(url)
    except ValueError as error:
        raise ImproperlyConfigured(f"WEBHOOK_URL: {error}") from error
    return url


def _error(answer: httpx.Response) -> DeliveryError:
    """By status. A redirect is not followed; `{"error": "bad_address"}` says that the customer has no address there."""
    said = f"The webhook answered {answer.status_code}: {answer.text[:300]}".rstrip(": ")
    try:
        bad_address = answer.status_code == 422 and answer.json().get("error") == "bad_address"
    except (ValueError, AttributeError):
        bad_address = False
    if bad_address:
        return BadAddressError(said)
    if answer.status_code == 429 or (answer.status_code == 503 and retry_after(answer) is not None):
        return ThrottledError(said, retry_after=retry_after(answer))
    if answer.status_code in (408, 409, 425) or answer.status_code >= 500:
        return TransientError(said)
    return PermanentError(said)
