"""A rule after it was checked: what the compiler and the explainer read."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from notifications.segments.fields import Field
from users.choices import EventType


@dataclass(frozen=True, slots=True)
class All:
    """Every one of the rules holds."""

    rules: tuple["Rule", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of the rules holds."""

    rules: tuple["Rule", ...]


@dataclass(frozen=True, slots=True)
class Not:
    rule: "Rule"


@dataclass(frozen=True, slots=True)
class FieldTest:
    """A field of the customer or the profile. `value` is as the operator needs it: text, Decimal, a pair, a list."""

    field: Field
    op: str
    value: Any


@dataclass(frozen=True, slots=True)
class AttributeTest:
    """An attribute that the shop gave the customer, by its name. A number is only ever compared with numbers."""

    name: str
    op: str
    value: Any


@dataclass(frozen=True, slots=True)
class PriceRange:
    """In the shop's currency; None where there is no bound."""

    least: Decimal | None
    most: Decimal | None


@dataclass(frozen=True, slots=True)
class EventCount:
    """How many events of a type there were. `most` None: no upper limit; `days` None: ever.

    `items` and `categories` (with those below them) are the shop's own ids; empty means any, as with brands. `price`
    is that of the item today.
    """

    type: EventType
    least: int
    most: int | None
    days: int | None
    items: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()
    price: PriceRange | None = None


@dataclass(frozen=True, slots=True)
class OrderCount:
    """How many orders were placed and not cancelled. `most` None: no upper limit; `days` None: ever."""

    least: int
    most: int | None
    days: int | None


@dataclass(frozen=True, slots=True)
class OrderTotal:
    """What was paid and not refunded, in the shop's currency. `days` None: ever."""

    op: str
    value: Any
    days: int | None


@dataclass(frozen=True, slots=True)
class LastOrder:
    """When the newest order that was not cancelled was placed."""

    op: str
    value: Any


@dataclass(frozen=True, slots=True)
class Predicted:
    """What the model expects: a comparison, or where `op` is `top`, the share in percent that is highest."""

    measure: str
    op: str
    value: Any


@dataclass(frozen=True, slots=True)
class HadMessage:
    """`state` is `received`, `clicked` or `ignored` (received, none clicked). An empty `campaign` is any."""

    state: str
    campaign: str
    days: int | None


@dataclass(frozen=True, slots=True)
class HasConsent:
    channel: str
    purpose: str


@dataclass(frozen=True, slots=True)
class HasCoupon:
    """`state` is `unused` (valid now) or `redeemed`; `offer` is the name of one, or empty for any."""

    state: str
    offer: str


@dataclass(frozen=True, slots=True)
class InSegment:
    name: str
    rule: "Rule"


Membership = EventCount | OrderCount | HadMessage | HasConsent | HasCoupon
Rule = All | AnyOf | Not | FieldTest | AttributeTest | OrderTotal | LastOrder | Predicted | InSegment | Membership
