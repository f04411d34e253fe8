"""A rule after it was checked: what the compiler and the explainer read."""

from dataclasses import dataclass
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
class EventCount:
    """How many events of a type there were. `most` None: no upper limit; `days` None: ever.

    The last three are the shop's own ids of items and categories (with those below them), and brands; empty: any.
    """

    type: EventType
    least: int
    most: int | None
    days: int | None
    items: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()


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


Rule = All | AnyOf | Not | FieldTest | EventCount | HasConsent | HasCoupon | InSegment
