"""What ingestion takes. References are the shop's own ids; times are aware; money is Decimal."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class ConsentInput:
    """One statement of consent. `text_version` names the wording agreed to; `recorded_at` None means now."""

    channel: str
    granted: bool
    source: str
    purpose: str = "marketing"
    recorded_at: datetime | None = None
    text_version: str = ""


@dataclass(frozen=True, slots=True)
class CustomerInput:
    """A customer as the shop knows it. Empty fields leave what is stored untouched.

    A visitor who has not identified itself has an `anonymous_id` instead of an `external_id`. `described_at` None means
    now; an older description that arrives late fills gaps only.
    """

    external_id: str
    email: str = ""
    phone: str = ""
    first_name: str = ""
    last_name: str = ""
    birth_date: date | None = None
    language: str = ""
    country: str = ""
    time_zone: str = ""
    attributes: dict[str, Any] | None = None
    consents: tuple[ConsentInput, ...] = ()
    anonymous_id: str = ""
    described_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DeviceInput:
    """A device that may be written to. `fcm` and `apns` have a `token`; `webpush` has what the browser's subscription
    holds: `endpoint`, `p256dh` and `auth` (RFC 8291), the last two as base64url.

    `consent` is what its owner just answered, if anything; `text_version` names the wording.
    """

    channel: str
    customer_id: str = ""
    anonymous_id: str = ""
    token: str = ""
    endpoint: str = ""
    p256dh: str = ""
    auth: str = ""
    platform: str = ""
    language: str = ""
    consent: bool | None = None
    text_version: str = ""


@dataclass(frozen=True, slots=True)
class DeviceSignOff:
    """A device that must not be written to any more: its `token`, or the `endpoint` of its web push subscription."""

    channel: str
    token: str = ""
    endpoint: str = ""


@dataclass(slots=True)  # not frozen: that would double the cost of making one, and there are millions
class EventInput:
    """Something a customer did. `message_id` is what makes a retry count once; `price` is per unit.

    `anonymous_id` names a visitor who has not identified itself; where `customer_id` is given, that one counts.
    """

    message_id: str
    type: str
    occurred_at: datetime
    customer_id: str = ""
    item_id: str | None = None
    order_id: str | None = None
    quantity: int | None = None
    price: Decimal | None = None
    currency: str = ""
    value: float | None = None
    context: dict[str, Any] | None = None
    anonymous_id: str = ""


@dataclass(frozen=True, slots=True)
class OrderLine:
    item_id: str
    quantity: int
    price: Decimal
    variant: str = ""


@dataclass(frozen=True, slots=True)
class OrderInput:
    """A purchase. `total` is what was paid; None means the sum of the lines less `discount`.

    `described_at` None means now; an older description that arrives late does not replace a newer one.
    """

    order_id: str
    customer_id: str  # may be empty where `anonymous_id` is given
    placed_at: datetime
    currency: str
    lines: tuple[OrderLine, ...]
    total: Decimal | None = None
    discount: Decimal = Decimal(0)
    coupon_code: str = ""
    status: str = "placed"
    anonymous_id: str = ""
    described_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OrderChangeInput:
    """An order was `cancelled` or `refunded`; `amount` is how much of it was refunded, None means all."""

    order_id: str
    status: str
    said_at: datetime
    amount: Decimal | None = None
