"""Segment's "Spec: V2 E-Commerce Events", translated to our events, orders and changes of orders."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from catalog.validation import Refused, check_id, json_text
from users.api.segment_io.envelope import Envelope
from users.api.segment_io.people import consent
from users.api.segment_io.values import (
    read_currency,
    read_id,
    read_money,
    read_number,
    read_quantity,
    read_text,
)
from users.choices import OrderStatus
from users.ingestion import EventInput, OrderChangeInput, OrderInput, OrderLine, TrackingBatch
from users.ingestion.order_changes import check_order_change

MAX_PROPERTIES = 32_000  # characters of a custom event's properties as JSON: Segment's own limit for a message

TRACK_TYPES = {
    "products searched": "search",
    "product list viewed": "impression",
    "product list filtered": "impression",
    "promotion viewed": "impression",
    "promotion clicked": "click",
    "product clicked": "click",
    "product viewed": "view",
    "product added": "add_to_cart",
    "product removed": "remove_from_cart",
    "wishlist product added to cart": "add_to_cart",
    "product added to wishlist": "wishlist",
    "checkout started": "checkout",
    "checkout step viewed": "checkout",
    "checkout step completed": "checkout",
    "payment info entered": "checkout",
    "coupon entered": "coupon",
    "coupon applied": "coupon",
    "product reviewed": "rating",
    # What we have no type for keeps its name and its item.
    "product removed from wishlist": "custom",
    "product shared": "custom",
    "coupon denied": "custom",
    "coupon removed": "custom",
    "cart viewed": "custom",
    "cart shared": "custom",
}
ORDERS = frozenset({"order completed", "order updated"})
ORDER_CHANGES = {"order refunded": OrderStatus.REFUNDED, "order cancelled": OrderStatus.CANCELLED}
CONSENT = "segment consent preference updated"

_ONE_PER_PRODUCT = frozenset({"product list viewed", "product list filtered", "checkout started"})
_KEPT = (
    *("query", "list_id", "promotion_id", "coupon", "coupon_id", "reason", "order_id", "checkout_id", "step"),
    *("cart_id", "share_via", "review_body", "category", "sku", "variant"),
)
_KEPT_LENGTH = 2_000
_VARIANT_LENGTH = 255


def track(found: TrackingBatch, envelope: Envelope) -> None:
    name = envelope.message.get("event")
    if not isinstance(name, str) or not name.strip():
        raise Refused("missing_event", "A track call needs the name of an event.")
    key = " ".join(name.lower().replace("_", " ").split())
    if key in ORDERS:
        found.orders.append((envelope.origin, _order(envelope)))
    elif key in ORDER_CHANGES:
        _change_order(found, envelope, ORDER_CHANGES[key])
    elif key == CONSENT:
        consent(found, envelope)
    elif key in TRACK_TYPES:
        found.events.extend((envelope.origin, event) for event in _events(key, name, envelope))
    else:
        found.events.append((envelope.origin, _custom(name, envelope)))


def _custom(name: str, envelope: Envelope) -> EventInput:
    properties = json_text(envelope.properties, "properties") or ""
    if len(properties) + len(name) > MAX_PROPERTIES:
        raise Refused("too_large", f"The properties of an event are limited to {MAX_PROPERTIES:,} characters.")
    return envelope.event("custom", context={"event": name, "properties": envelope.properties})


def _events(key: str, name: str, envelope: Envelope) -> Iterator[EventInput]:
    """One event, or one per product where the message lists several."""
    kind, properties = TRACK_TYPES[key], envelope.properties
    products = _products(properties) if key in _ONE_PER_PRODUCT else []
    about = {"event": name[:_KEPT_LENGTH]} if kind == "custom" or key.startswith(("checkout step", "payment")) else {}
    if not products:
        yield _product_event(kind, envelope, properties, about)
    for number, product in enumerate(products):
        yield _product_event(kind, envelope, properties | product, about, suffix=f":{number}")


def _products(properties: dict[str, Any]) -> list[dict[str, Any]]:
    products = properties.get("products")
    return [product for product in products if isinstance(product, dict)] if isinstance(products, list) else []


def _product_event(
    kind: str, envelope: Envelope, product: dict[str, Any], about: dict[str, Any], *, suffix: str = ""
) -> EventInput:
    price = read_money(product.get("price"))
    kept = {name: _short(product[name]) for name in _KEPT if product.get(name) is not None}
    return envelope.event(
        kind,
        suffix=suffix,
        item_id=_product_id(product),
        quantity=read_quantity(product.get("quantity")) or None,
        price=price,
        currency=read_currency(product, envelope.currency) if price is not None else "",
        value=read_number(product.get("rating")) if kind == "rating" else None,
        context=about | kept,
    )


def _short(value: Any) -> Any:
    """Text and numbers as they are; nothing nested, because nobody asks for it."""
    if isinstance(value, bool | int):
        return value
    return value[:_KEPT_LENGTH] if isinstance(value, str) else read_number(value)


def _product_id(product: dict[str, Any]) -> str | None:
    return read_id(product.get("product_id")) or read_id(product.get("sku")) or read_id(product.get("id")) or None


def _order_id(envelope: Envelope) -> str:
    return check_id(read_id(envelope.properties.get("order_id")), "order_id")


def _order(envelope: Envelope) -> OrderInput:
    properties = envelope.properties
    return OrderInput(
        order_id=_order_id(envelope),
        customer_id=envelope.user_id,
        anonymous_id=envelope.anonymous_id,
        placed_at=envelope.time,
        currency=read_currency(properties, envelope.currency),
        lines=tuple(_line(product) for product in _products(properties)),
        total=read_money(properties.get("total")),
        discount=read_money(properties.get("discount")) or Decimal(0),
        coupon_code=read_id(properties.get("coupon")),
        described_at=envelope.time,
    )


def _line(product: dict[str, Any]) -> OrderLine:
    item_id, price, quantity = _product_id(product), read_money(product.get("price")), product.get("quantity")
    if item_id is None or price is None:
        raise Refused("bad_products", "Every product of an order needs a product_id and a price.")
    known = read_quantity(quantity)
    sku = read_id(product.get("sku"))
    variant = read_text(product.get("variant")) or (sku if sku != item_id else "")
    return OrderLine(item_id, 1 if known is None else known, price, variant[:_VARIANT_LENGTH])


def _change_order(found: TrackingBatch, envelope: Envelope, status: OrderStatus) -> None:
    """A refund of the products that are listed, or of `total`; without both, of the whole order."""
    order_id, products = _order_id(envelope), _products(envelope.properties)
    amount = _refunded(envelope.properties, products) if status == OrderStatus.REFUNDED else None
    change = OrderChangeInput(order_id, status, envelope.time, amount)
    check_order_change(change)
    found.order_changes.append((envelope.origin, change))
    if status == OrderStatus.REFUNDED:
        currency = read_currency(envelope.properties, envelope.currency)
        for number, product in enumerate(products):
            priced = {"currency": currency} | product
            event = _product_event("refund", envelope, priced, {"order": order_id}, suffix=f":{number}")
            found.events.append((envelope.origin, event))


def _refunded(properties: dict[str, Any], products: list[dict[str, Any]]) -> Decimal | None:
    total = read_money(properties.get("total"))
    if total is not None or not products:
        return total
    amount = Decimal(0)
    for product in products:
        price, quantity = read_money(product.get("price")), read_quantity(product.get("quantity"))
        if price is None or quantity == 0:
            raise Refused("bad_products", "A refund of some products needs their price and quantity, or a total.")
        amount += price * (quantity or 1)
    return amount
