"""The rules that refuse a row of customers, events or orders. Each raises `Refused` with a stable reason."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b
from zoneinfo import available_timezones

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils import timezone

from catalog.validation import Refused, check_currency, check_id, check_money, check_text, json_text
from users.choices import Channel, ConsentPurpose, EventType, OrderStatus
from users.ingestion.inputs import ConsentInput, CustomerInput, EventInput, OrderInput
from users.privacy.event_age import check_kept, events_kept_from

MAX_QUANTITY = 2**31 - 1
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
CLOCK_TOLERANCE = timedelta(days=1)

_MESSAGE_NAMESPACE = b"message id"
_UUID = re.compile("[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_TEXT_LIMITS = {"email": 320, "phone": 64, "first_name": 150, "last_name": 150, "language": 16}
_TYPE_BY_CODE = {kind.code: int(kind) for kind in EventType}
_NEEDS_ITEM = frozenset(
    int(kind)
    for kind in (
        *(EventType.VIEW, EventType.ADD_TO_CART, EventType.REMOVE_FROM_CART, EventType.WISHLIST),
        *(EventType.PURCHASE, EventType.REFUND, EventType.RATING),
    )
)


def message_key(message_id: str) -> str:
    """32 hex digits of the UUID under which a message id is remembered: itself if it is one, else derived from it.

    The derived one is the first 128 bits of the id's keyed BLAKE2b (RFC 7693).
    Strings, because building `uuid.UUID` objects is a fifth of the cost of taking an event in.
    """
    if len(message_id) == 36 and _UUID.fullmatch(message_id):
        return message_id.replace("-", "").lower()
    return blake2b(message_id.encode(), digest_size=16, key=_MESSAGE_NAMESPACE).hexdigest()


def check_time(value: object, field: str, now: datetime) -> datetime:
    """An aware time that a shop event can have."""
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise Refused(f"bad_{field}", f"{field} must be a date and time with a UTC offset.")
    if value > now + CLOCK_TOLERANCE:
        raise Refused("in_the_future", f"{field} lies more than a day in the future.")
    if value < EARLIEST:
        raise Refused("too_old", f"{field} lies before {EARLIEST.year}.")
    if (opened := _shop_opened()) and value < opened:
        raise Refused("before_shop_opened", f"{field} lies before the shop opened on {opened:%Y-%m-%d} (SHOP_OPENED).")
    return value


@lru_cache(maxsize=1)
def _usual_times(now: datetime) -> tuple[datetime, datetime]:
    """Every time between these passes `check_time` and `check_kept`: nearly all do, and a batch asks for each event."""
    return max(EARLIEST, _shop_opened() or EARLIEST, events_kept_from(now) or EARLIEST), now + CLOCK_TOLERANCE


def check_who(customer_id: str, anonymous_id: str) -> None:
    """Every row belongs to a customer, or to a visitor with an anonymous id."""
    if customer_id or not anonymous_id:
        check_id(customer_id, "customer_id")
    else:
        check_id(anonymous_id, "anonymous_id")


def check_event(event: EventInput, now: datetime) -> int:
    """Refuse an event that cannot be counted. Returns its `EventType`."""
    check_id(event.message_id, "message_id")
    check_who(event.customer_id, event.anonymous_id)
    kind = _TYPE_BY_CODE.get(event.type)
    if kind is None:
        known = ", ".join(_TYPE_BY_CODE)
        raise Refused("unknown_type", f"type must be one of {known}; got {event.type!r:.60}.")
    first, last = _usual_times(now)
    time = event.occurred_at
    if type(time) is not datetime or time.tzinfo is None or not first <= time <= last:
        check_time(time, "occurred_at", now)
        check_kept(time, now)
    if event.item_id is not None or kind in _NEEDS_ITEM:
        check_id(event.item_id, "item_id")
    if event.order_id is not None:
        check_id(event.order_id, "order_id")
    if event.quantity is not None and not 0 < event.quantity <= MAX_QUANTITY:
        raise Refused("bad_quantity", f"quantity must be a whole number from 1 to {MAX_QUANTITY}.")
    if event.price is not None:
        check_money(event.price, "price")
        check_currency(event.currency)
    if event.value is not None and not abs(event.value) < float("inf"):
        raise Refused("bad_value", "value must be a finite number.")
    return kind


def check_order(order: OrderInput, now: datetime) -> Decimal:
    """Refuse an order that cannot be stored. Returns its total."""
    check_id(order.order_id, "order_id")
    check_who(order.customer_id, order.anonymous_id)
    check_time(order.placed_at, "placed_at", now)
    check_currency(order.currency)
    check_money(order.discount, "discount")
    check_text(order.coupon_code, "coupon_code", 64)
    if order.described_at is not None:
        check_time(order.described_at, "described_at", now)
    if order.status not in OrderStatus.values:
        raise Refused("bad_status", f"status must be one of {', '.join(OrderStatus.values)}.")
    if not order.lines:
        raise Refused("missing_lines", "An order needs at least one line.")
    subtotal = Decimal(0)
    for line in order.lines:
        check_id(line.item_id, "item_id")
        check_text(line.variant, "variant", 255)
        if not 0 < line.quantity <= MAX_QUANTITY:
            raise Refused("bad_quantity", f"quantity must be a whole number from 1 to {MAX_QUANTITY}.")
        subtotal += check_money(line.price, "price") * line.quantity
    if order.total is not None:
        return check_money(order.total, "total")
    return check_money(max(subtotal - order.discount, Decimal(0)), "total")


def _shop_opened() -> datetime | None:
    """The shop's first moment, in its own time zone."""
    day = settings.SHOP_OPENED
    return datetime(day.year, day.month, day.day, tzinfo=timezone.get_default_timezone()) if day else None


@lru_cache(maxsize=1)
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def check_customer(customer: CustomerInput) -> None:
    """Refuse a customer that cannot be stored."""
    if customer.external_id or not customer.anonymous_id:
        check_id(customer.external_id, "external_id")
    else:
        check_id(customer.anonymous_id, "anonymous_id")
    for name, limit in _TEXT_LIMITS.items():
        check_text(getattr(customer, name), name, limit)
    if customer.email:
        try:
            validate_email(customer.email)
        except ValidationError:
            raise Refused("bad_email", "email is not an e-mail address.") from None
    country = customer.country
    if country and not (len(country) == 2 and country.isascii() and country.isalpha() and country.isupper()):
        raise Refused("bad_country", "country must be an ISO 3166-1 code such as DE.")
    if customer.time_zone and customer.time_zone not in _time_zones():
        raise Refused("bad_time_zone", "time_zone must be an IANA name such as Europe/Berlin.")
    if customer.described_at is not None:
        check_time(customer.described_at, "described_at", timezone.now())
    json_text(customer.attributes, "attributes")
    for consent in customer.consents:
        check_consent(consent)


def check_consent(consent: ConsentInput) -> None:
    """Refuse a statement of consent that the ledger cannot hold."""
    if consent.channel not in Channel.values:
        raise Refused("bad_channel", f"channel must be one of {', '.join(Channel.values)}.")
    if consent.purpose not in ConsentPurpose.values:
        raise Refused("bad_purpose", f"purpose must be one of {', '.join(ConsentPurpose.values)}.")
    check_id(consent.source, "source")
    check_text(consent.text_version, "text_version", 64)
