"""The messages of Segment's tracking API, translated to our events, orders, customers and identities.

Names and fields follow Segment's "Spec: V2 E-Commerce Events" and its HTTP API documentation.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from catalog.validation import Refused, RefusedRow
from users.ingestion import CustomerInput, EventInput, OrderInput, OrderLine, TrackingBatch

TRACK_TYPES = {
    "product viewed": "view",
    "product clicked": "click",
    "product added": "add_to_cart",
    "product removed": "remove_from_cart",
    "product added to wishlist": "wishlist",
    "product reviewed": "rating",
    "products searched": "search",
    "checkout started": "checkout",
    "coupon entered": "coupon",
    "coupon applied": "coupon",
    "promotion clicked": "click",
    "promotion viewed": "impression",
    "product list viewed": "impression",
}
ORDER_EVENTS = {"order completed": "placed", "order refunded": "refunded", "order cancelled": "cancelled"}


@dataclass(frozen=True, slots=True)
class Envelope:
    """What every message carries, with its time corrected for the sender's clock."""

    message_id: str
    user_id: str
    anonymous_id: str
    time: datetime
    properties: dict[str, Any]
    context: dict[str, Any]


def translate(
    messages: list[Any], *, sent_at: Any, received_at: datetime, currency: str
) -> tuple[TrackingBatch, list[RefusedRow]]:
    """Translate a batch. Messages that make no sense are refused with their index in the batch.

    Times are corrected for the sender's clock: timestamp + (received − sent), as Segment does. `currency` is what a
    price without one is in.
    """
    found = TrackingBatch()
    refused_rows: list[RefusedRow] = []
    batch_sent_at = _time(sent_at)
    for index, message in enumerate(messages):
        try:
            if not isinstance(message, dict):
                raise Refused("bad_message", f"Expected an object, got {type(message).__name__}.")
            sent = _time(message.get("sentAt")) or batch_sent_at
            skew = received_at - sent if sent else timedelta(0)
            kind = str(message.get("type") or "track")
            handler = _HANDLERS.get(kind)
            if handler is None:
                raise Refused("unknown_call", f"type must be one of {', '.join(_HANDLERS)}; got {kind!r:.40}.")
            handler(found, message, _envelope(message, received_at, skew), currency)
        except Refused as refused:
            refused_rows.append(RefusedRow(index, refused.reason, refused.message))
    return found, refused_rows


def _envelope(message: dict[str, Any], received_at: datetime, skew: timedelta) -> Envelope:
    stamped = _time(message.get("timestamp") or message.get("originalTimestamp"))
    user_id, anonymous_id = _id(message.get("userId")), _id(message.get("anonymousId"))
    if not user_id and not anonymous_id:
        raise Refused("missing_user_id", "A message needs a userId or an anonymousId.")
    message_id = _id(message.get("messageId"))
    if not message_id:
        raise Refused("missing_message_id", "messageId is missing; without it a retry would count twice.")
    properties = message.get("properties") or message.get("traits") or {}
    context = message.get("context") or {}
    if not isinstance(properties, dict) or not isinstance(context, dict):
        raise Refused("bad_properties", "properties, traits and context must be objects.")
    return Envelope(
        message_id=message_id,
        user_id=user_id,
        anonymous_id=anonymous_id,
        time=stamped + skew if stamped else received_at,
        properties=properties,
        context=context,
    )


def _id(value: Any) -> str:
    if value is None or isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value)


def _time(value: Any) -> datetime | None:
    """An ISO 8601 time or milliseconds since 1970; without an offset it is UTC. None when it is neither."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return datetime.fromtimestamp(value / 1000, tz=UTC)
        except (OverflowError, ValueError, OSError):
            return None
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _track(found: TrackingBatch, message: dict[str, Any], envelope: Envelope, currency: str) -> None:
    name = message.get("event")
    if not isinstance(name, str) or not name.strip():
        raise Refused("missing_event", "A track call needs the name of an event.")
    key = " ".join(name.lower().split())
    if key in ORDER_EVENTS:
        _order(found, envelope, ORDER_EVENTS[key], currency)
    elif key in TRACK_TYPES:
        found.events.extend(_commerce_events(TRACK_TYPES[key], envelope, currency))
    else:
        found.events.append(_event("custom", envelope, {"event": name, "properties": envelope.properties}))


def _commerce_events(kind: str, envelope: Envelope, currency: str) -> Iterator[EventInput]:
    """One event, or one per product where the message lists several."""
    properties = envelope.properties
    products = properties.get("products")
    if kind in ("impression", "checkout") and isinstance(products, list) and products:
        for number, product in enumerate(product for product in products if isinstance(product, dict)):
            context = {"list": properties.get("list_id") or properties.get("order_id")}
            yield _product_event(kind, envelope, properties | product, currency, context=context, suffix=f":{number}")
        return
    kept = ("query", "list_id", "promotion_id", "coupon", "coupon_id", "order_id", "review_body", "category")
    context = {name: properties[name] for name in kept if name in properties}
    yield _product_event(kind, envelope, properties, currency, context=context)


def _product_event(
    kind: str,
    envelope: Envelope,
    product: dict[str, Any],
    currency: str,
    *,
    context: dict[str, Any],
    suffix: str = "",
) -> EventInput:
    price = _money(product.get("price"))
    return EventInput(
        message_id=envelope.message_id + suffix,
        type=kind,
        occurred_at=envelope.time,
        customer_id=envelope.user_id,
        anonymous_id=envelope.anonymous_id,
        item_id=_product_id(product),
        quantity=_quantity(product.get("quantity")),
        price=price,
        currency=_currency(product, currency) if price is not None else "",
        value=_number(product.get("rating")) if kind == "rating" else None,
        context=context or None,
    )


def _event(kind: str, envelope: Envelope, context: dict[str, Any]) -> EventInput:
    return EventInput(
        message_id=envelope.message_id,
        type=kind,
        occurred_at=envelope.time,
        customer_id=envelope.user_id,
        anonymous_id=envelope.anonymous_id,
        context=context,
    )


def _order(found: TrackingBatch, envelope: Envelope, status: str, currency: str) -> None:
    properties = envelope.properties
    order_id = _id(properties.get("order_id"))
    if not order_id:
        raise Refused("missing_order_id", "properties.order_id is missing.")
    products = [product for product in properties.get("products") or [] if isinstance(product, dict)]
    if status == "placed":
        found.orders.append(_placed(envelope, order_id, products, currency))
        return
    found.order_changes.append((order_id, status))
    if status == "refunded":
        paid_in = _currency(properties, currency)
        found.events.extend(
            _product_event("refund", envelope, product, paid_in, context={"order": order_id}, suffix=f":{number}")
            for number, product in enumerate(products)
        )


def _placed(envelope: Envelope, order_id: str, products: list[dict[str, Any]], currency: str) -> OrderInput:
    properties = envelope.properties
    lines = []
    for product in products:
        item_id, price = _product_id(product), _money(product.get("price"))
        if item_id is None or price is None:
            raise Refused("bad_products", "Every product of an order needs a product_id and a price.")
        lines.append(OrderLine(item_id, _quantity(product.get("quantity")) or 1, price))
    return OrderInput(
        order_id=order_id,
        customer_id=envelope.user_id,
        anonymous_id=envelope.anonymous_id,
        placed_at=envelope.time,
        currency=_currency(properties, currency),
        lines=tuple(lines),
        total=_money(properties.get("total")),
        discount=_money(properties.get("discount")) or Decimal(0),
        coupon_code=_id(properties.get("coupon")),
    )


def _identify(found: TrackingBatch, message: dict[str, Any], envelope: Envelope, currency: str) -> None:
    if not envelope.user_id:
        found.events.append(_event("custom", envelope, {"event": "identify"}))
        return
    if envelope.anonymous_id:
        found.identities.append((envelope.anonymous_id, envelope.user_id))
    traits = envelope.properties
    address: Any = traits.get("address")
    address = address if isinstance(address, dict) else {}
    country = _text(address.get("country")).upper()
    locale = _text(traits.get("locale")) or _text(envelope.context.get("locale"))
    found.customers.append(
        CustomerInput(
            external_id=envelope.user_id,
            email=_text(traits.get("email")),
            phone=_text(traits.get("phone")),
            first_name=_text(traits.get("firstName")) or _text(traits.get("first_name")),
            last_name=_text(traits.get("lastName")) or _text(traits.get("last_name")),
            language=locale.replace("_", "-").lower()[:16],
            country=country if len(country) == 2 else "",
            time_zone=_text(envelope.context.get("timezone")),
        )
    )


def _alias(found: TrackingBatch, message: dict[str, Any], envelope: Envelope, currency: str) -> None:
    previous = _id(message.get("previousId"))
    if not previous or not envelope.user_id:
        raise Refused("missing_previous_id", "An alias call needs a previousId and a userId.")
    found.aliases.append((previous, envelope.user_id))


def _page(found: TrackingBatch, message: dict[str, Any], envelope: Envelope, currency: str) -> None:
    properties = envelope.properties
    page: dict[str, Any] = {
        name: properties[name] for name in ("url", "path", "title", "referrer") if name in properties
    }
    if isinstance(message.get("name"), str):
        page["name"] = message["name"]
    found.events.append(_event("page", envelope, page))


def _group(found: TrackingBatch, message: dict[str, Any], envelope: Envelope, currency: str) -> None:
    """Companies are not modelled here; the call is kept as an event, so that nothing is lost."""
    found.events.append(_event("custom", envelope, {"event": "group", "group": _id(message.get("groupId"))}))


_HANDLERS: dict[str, Callable[[TrackingBatch, dict[str, Any], Envelope, str], None]] = {
    "track": _track,
    "identify": _identify,
    "page": _page,
    "screen": _page,
    "alias": _alias,
    "group": _group,
}


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _product_id(product: dict[str, Any]) -> str | None:
    return _id(product.get("product_id")) or _id(product.get("sku")) or _id(product.get("id")) or None


def _quantity(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number >= 1 else None


def _number(value: Any) -> float | None:
    try:
        return float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else None
    except ValueError:
        return None


def _money(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str) or value == "":
        return None
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None


def _currency(properties: dict[str, Any], default: str) -> str:
    return _text(properties.get("currency")).upper() or default
