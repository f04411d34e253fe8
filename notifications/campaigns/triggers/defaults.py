"""What of a trigger counts for which kind, and what is meant where nothing is said."""

from notifications.choices import TriggerKind
from notifications.models import Trigger

_WHEN = ("starts_at", "ends_at")
_ENTRY = (*_WHEN, "wait", "wait_unit", "exit_event", "reentry_days", "useful_hours")

FIELDS: dict[str, tuple[str, ...]] = {
    TriggerKind.ONCE: ("misfire", "grace"),
    TriggerKind.RECURRING: ("schedule", "clock", "time_zone", *_WHEN, "misfire", "grace"),
    TriggerKind.CART_ABANDONED: _ENTRY,
    TriggerKind.BROWSE_ABANDONED: _ENTRY,
    TriggerKind.AFTER_PURCHASE: _ENTRY,
    TriggerKind.PRICE_DROP: ("percent", "days", *_ENTRY),
    TriggerKind.BACK_IN_STOCK: ("days", *_ENTRY),
    TriggerKind.NEW_ITEM: ("days", *_ENTRY),
    TriggerKind.WIN_BACK: ("days", "percent", *_ENTRY),
    TriggerKind.BIRTHDAY: ("days", "at", "time_zone", *_ENTRY),
    TriggerKind.TIER_CHANGE: ("tier", *_ENTRY),
    TriggerKind.POINTS_EXPIRING: ("days", *_ENTRY),
    TriggerKind.COUPON_EXPIRING: ("days", *_ENTRY),
    TriggerKind.PARTNER: ("brand", "percent", *_ENTRY),
    TriggerKind.EVENT: ("event_type", "event_name", *_ENTRY),
    TriggerKind.FOLLOW_UP: ("previous", "condition", *_ENTRY),
}

# How long an interest lasts, a customer has been away, an item is new, or how many days ahead.
DEFAULT_DAYS: dict[str, int] = {
    TriggerKind.PRICE_DROP: 30,
    TriggerKind.BACK_IN_STOCK: 90,
    TriggerKind.NEW_ITEM: 14,
    TriggerKind.WIN_BACK: 90,
    TriggerKind.BIRTHDAY: 0,
    TriggerKind.POINTS_EXPIRING: 7,
    TriggerKind.COUPON_EXPIRING: 3,
}

DEFAULT_PERCENT: dict[str, int] = {TriggerKind.PRICE_DROP: 10, TriggerKind.PARTNER: 20}


def trigger_percent(trigger: Trigger) -> int | None:
    """The `percent` of a trigger, or what its kind means without any; None where it then does not count."""
    return DEFAULT_PERCENT.get(trigger.kind) if trigger.percent is None else trigger.percent


def trigger_days(trigger: Trigger) -> int:
    """The `days` of a trigger, or what its kind means without any."""
    return DEFAULT_DAYS.get(trigger.kind, 0) if trigger.days is None else trigger.days
