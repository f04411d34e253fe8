"""The devices that may be written to, and what becomes of those that their providers do not know any more."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from django.utils import timezone

from users.choices import Channel, DisabledReason
from users.encryption import keyed_hashes
from users.models import Device


@dataclass(frozen=True, slots=True)
class WebSubscription:
    """A browser's push subscription; the keys are base64url (RFC 8291)."""

    endpoint: str
    p256dh: str
    auth: str

    def text(self) -> str:
        """How it is stored."""
        return json.dumps({"endpoint": self.endpoint, "p256dh": self.p256dh, "auth": self.auth}, separators=(",", ":"))

    @classmethod
    def parse(cls, text: str) -> "WebSubscription":
        """What `text` wrote."""
        return cls(**json.loads(text))


def address_hashes(addresses: Iterable[str]) -> dict[str, str]:
    """The keyed hashes by which tokens and endpoints are known; unlike those of mails they tell cases apart."""
    return keyed_hashes(addresses, purpose="device")


def known_by(address: str, channel: str) -> str:
    """What of a stored address is hashed: the token itself, or the endpoint of a subscription."""
    return WebSubscription.parse(address).endpoint if channel == Channel.WEBPUSH else address


def live_devices(*, customer_ids: Iterable[int], channel: str) -> dict[int, list[Device]]:
    """The devices of each customer that take messages on `channel`, last seen first, in one query."""
    found: dict[int, list[Device]] = {}
    devices = Device.objects.filter(customer__in=list(customer_ids), channel=channel, disabled_at=None)
    for device in devices.order_by("customer_id", "-last_seen_at", "-pk"):
        found.setdefault(device.customer_id, []).append(device)
    return found


def disable_devices(*, device_ids: Iterable[int], reason: DisabledReason) -> int:
    """Write to these devices no more, until they register anew; returns how many were live."""
    live = Device.objects.filter(pk__in=list(device_ids), disabled_at=None)
    return live.update(disabled_at=timezone.now(), disabled_reason=reason)
