"""Everything that a rule can ask, with labels in the reader's language: what the rule builder offers.

A thing has a blank rule to begin with and parts: the inputs that fill it, each bound to keys of the rule.
"""

from typing import Any

from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _

from notifications.segments.fields import ATTRIBUTE_OPERATORS, FIELDS, MEASURED, OPERATORS, Field, Kind
from notifications.segments.leaves import COUPON_STATES, MESSAGE_STATES, PREDICTIONS
from notifications.segments.phrases import CHINESE, ENGLISH
from users.choices import Channel, ConsentPurpose, EventType

Thing = dict[str, Any]
_SUGGESTED = {
    "customer.country": "country",
    "customer.language": "language",
    "customer.time_zone": "time_zone",
    "profile.favourite_category": "category",
    "profile.favourite_categories": "category",
    "profile.favourite_brand": "brand",
    "profile.favourite_brands": "brand",
    "profile.device": "device",
}


def rule_catalogue() -> dict[str, Any]:
    """The things by their keys, in groups, and the labels of operators."""
    return {"groups": [{"label": label, "things": things} for label, things in _groups()], "operators": _operators()}


def _groups() -> list[tuple[str, list[Thing]]]:
    fields = {name: _field(name, field) for name, field in FIELDS.items()}
    return [
        (_("Behaviour"), [_event(kind) for kind in EventType]),
        (_("Orders"), _orders()),
        (_("Customer"), [*(fields[name] for name in fields if name.startswith("customer.")), _attribute()]),
        (_("Profile"), [fields[name] for name in fields if name.startswith("profile.")]),
        (_("Predictions"), [_prediction(measure) for measure in PREDICTIONS]),
        (_("Messages"), [_message(state) for state in MESSAGE_STATES]),
        (_("Coupons"), [_coupon(state) for state in COUPON_STATES]),
        (_("Consent"), [_consent(channel) for channel in Channel]),
        (_("Segments"), [_segment()]),
    ]


def _thing(key: str, label: str, blank: dict[str, Any], *parts: dict[str, Any]) -> Thing:
    return {"key": key, "label": label, "blank": blank, "parts": parts}


def _field(name: str, field: Field) -> Thing:
    label = field.chinese if (get_language() or "").startswith("zh") else field.english
    # "is X" is "is one of X": the builder offers one way to say it.
    ops = [op for op in OPERATORS[field.kind] if field.kind != Kind.TEXT or op not in ("=", "!=")]
    blank: dict[str, Any] = {"field": name, "op": "in" if "in" in ops else ops[0]}
    if field.kind in (Kind.DATE, Kind.TIME):
        blank |= {"op": "within_days", "value": 30}
    elif field.kind == Kind.NUMBER:
        blank |= {"op": ">=", "value": 1}
    elif field.kind == Kind.HOURS:
        blank |= {"value": [18, 22]}
    elif field.kind != Kind.PRESENCE:
        blank |= {"value": []}
    choices = [[choice.value, str(choice.label)] for choice in field.choices] if field.choices else None
    test = {"part": "test", "ops": ops, "kind": field.kind, "choices": choices, "suggest": _SUGGESTED.get(name)}
    return _thing(f"field:{name}", label, blank, test)


def _attribute() -> Thing:
    return _thing(
        "attribute",
        _("attribute"),
        {"attribute": "", "op": "=", "value": ""},
        {"part": "name", "key": "attribute", "suggest": "attribute", "free": True, "label": _("Name of the attribute")},
        {"part": "test", "ops": ATTRIBUTE_OPERATORS, "kind": "any"},
    )


def _event(kind: EventType) -> Thing:
    blank = {"event": kind.code, "count": {">=": 1}, "within_days": 30}
    parts = ({"part": "count"}, {"part": "window"}, {"part": "items"})
    return _thing(f"event:{kind.code}", str(kind.label), blank, *parts)


def _orders() -> list[Thing]:
    window = {"part": "window"}
    number = {"part": "test", "ops": MEASURED, "kind": Kind.NUMBER}
    moment = {"part": "test", "ops": OPERATORS[Kind.TIME], "kind": Kind.TIME}
    return [
        _thing("orders:count", _("number of orders"), {"orders": "count", "op": ">=", "value": 1}, number, window),
        _thing("orders:total", _("order total"), {"orders": "total", "op": ">=", "value": 100}, number, window),
        _thing("orders:last", _("last order"), {"orders": "last", "op": "older_than_days", "value": 60}, moment),
    ]


def _prediction(measure: str) -> Thing:
    phrases = CHINESE if (get_language() or "").startswith("zh") else ENGLISH
    blank = {"prediction": measure, "top_percent": 10}
    test = {"part": "test", "ops": ("top_percent", *MEASURED), "kind": Kind.NUMBER}
    return _thing(f"prediction:{measure}", phrases[measure], blank, test)


def _message(state: str) -> Thing:
    labels = {"received": _("received a message"), "clicked": _("clicked a message"), "ignored": _("ignored a message")}
    blank = {"message": state, "within_days": 30}
    campaign = {"part": "name", "key": "campaign", "suggest": "campaign", "label": _("any campaign")}
    return _thing(f"message:{state}", labels[state], blank, campaign, {"part": "window"})


def _coupon(state: str) -> Thing:
    labels = {"unused": _("holds an unused coupon"), "redeemed": _("redeemed a coupon")}
    offer = {"part": "name", "key": "offer", "suggest": "offer", "label": _("any offer")}
    return _thing(f"coupon:{state}", labels[state], {"coupon": state}, offer)


def _consent(channel: Channel) -> Thing:
    purposes = [[purpose.value, str(purpose.label)] for purpose in ConsentPurpose]
    blank = {"consent": channel.value, "purpose": ConsentPurpose.MARKETING.value}
    return _thing(
        f"consent:{channel.value}",
        _("consent to %(channel)s") % {"channel": channel.label},
        blank,
        {"part": "choice", "key": "purpose", "choices": purposes},
    )


def _segment() -> Thing:
    name = {"part": "name", "key": "segment", "suggest": "segment", "required": True, "label": _("Name of the segment")}
    return _thing("segment", _("belongs to another segment"), {"segment": ""}, name)


def _operators() -> dict[str, str]:
    """Labels of operators; those of moments stand before a number of days or a date."""
    return {
        "=": pgettext("operator", "is"),
        "!=": pgettext("operator", "is not"),
        "<": pgettext("operator", "is below"),
        "<=": pgettext("operator", "is at most"),
        ">": pgettext("operator", "is above"),
        ">=": pgettext("operator", "is at least"),
        "between": pgettext("operator", "is between"),
        "in": pgettext("operator", "is one of"),
        "not_in": pgettext("operator", "is none of"),
        "is_set": pgettext("operator", "is known"),
        "is_not_set": pgettext("operator", "is not known"),
        "before": pgettext("operator", "was before"),
        "after": pgettext("operator", "was on or after"),
        "older_than_days": pgettext("operator", "was more than … days ago"),
        "within_days": pgettext("operator", "was within the last … days"),
        "mostly_between": pgettext("operator", "is mostly between"),
        "top_percent": pgettext("operator", "is among the highest … %"),
    }
