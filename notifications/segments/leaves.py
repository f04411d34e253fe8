"""The tests at the ends of a rule: what each may say, checked into its node."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from django.utils.translation import gettext as _

from notifications.models import Campaign, Offer
from notifications.segments import nodes
from notifications.segments.fields import ATTRIBUTE_OPERATORS, FIELDS, MEASURED, OPERATORS, WITHOUT_VALUE, Kind
from notifications.segments.values import (
    LONGEST_LIST,
    BadValueError,
    check_attribute,
    check_days,
    check_numbers,
    check_price,
    check_share,
    check_text,
    check_texts,
    check_value,
    count_bounds,
)
from users.choices import Channel, ConsentPurpose, EventType

ITEM_KEYS = ("ids", "category", "brand", "price")
ORDER_MEASURES = ("count", "total", "last")
PROBABILITIES = ("click", "cart", "purchase", "churn")
PREDICTIONS = (*PROBABILITIES, "expected_value")
MESSAGE_STATES = ("received", "clicked", "ignored")
COUPON_STATES = ("unused", "redeemed")


def _field(rule: Mapping[str, Any]) -> nodes.Rule:
    field = _choose("field", rule["field"], FIELDS)
    op = _one_of("op", rule.get("op"), OPERATORS[field.kind])
    value = _value(rule, op, lambda given: check_value(field.kind, op, given))
    if field.choices and op not in WITHOUT_VALUE:
        for key, text in _keyed(value):
            _one_of(key, text, field.choices.values)
    return nodes.FieldTest(field, op, value)


def _keyed(value: str | tuple[str, ...]) -> list[tuple[str, str]]:
    return [("value", value)] if isinstance(value, str) else [(f"value[{n}]", text) for n, text in enumerate(value)]


def _attribute(rule: Mapping[str, Any]) -> nodes.Rule:
    name = check_text("attribute", rule["attribute"])
    if not name:
        raise BadValueError("attribute", _("must be the name of an attribute"))
    op = _one_of("op", rule.get("op"), ATTRIBUTE_OPERATORS)
    return nodes.AttributeTest(name, op, _value(rule, op, lambda given: check_attribute(op, given)))


def _value(rule: Mapping[str, Any], op: str, check: Callable[[object], Any]) -> Any:
    if op not in WITHOUT_VALUE:
        return check(rule.get("value"))
    if "value" in rule:
        raise BadValueError("value", _("has no meaning with “%(op)s”; leave it out") % {"op": op})
    return None


def _event(rule: Mapping[str, Any]) -> nodes.Rule:
    kind = _choose("event", rule["event"], {kind.code: kind for kind in EventType})
    if "never" in rule and (rule["never"] is not True or "count" in rule):
        raise BadValueError("never", _("must be true, without “count”"))
    least, most = (0, 0) if "never" in rule else count_bounds(rule.get("count", {">=": 1}))
    item = rule.get("item", {})
    if "item" in rule and (not isinstance(item, Mapping) or not item or item.keys() - set(ITEM_KEYS)):
        raise BadValueError("item", _("must be an object with %(keys)s") % {"keys": ", ".join(ITEM_KEYS)})
    ids, categories, brands = (
        check_texts(f"item.{key}", item[key], LONGEST_LIST) if key in item else () for key in ITEM_KEYS[:3]
    )
    price = check_price(item["price"]) if "price" in item else None
    return nodes.EventCount(kind, least, most, _days(rule), ids, categories, brands, price)


def _orders(rule: Mapping[str, Any]) -> nodes.Rule:
    measure = _one_of("orders", rule["orders"], ORDER_MEASURES)
    if measure == "last":
        if "within_days" in rule:
            raise BadValueError("within_days", _("has no meaning with “%(op)s”; leave it out") % {"op": measure})
        op = _one_of("op", rule.get("op"), OPERATORS[Kind.TIME])
        return nodes.LastOrder(op, _value(rule, op, lambda given: check_value(Kind.TIME, op, given)))
    op = _one_of("op", rule.get("op"), MEASURED)
    days, value = _days(rule), rule.get("value")
    if measure == "total":
        return nodes.OrderTotal(op, check_numbers(op, value), days)
    if op != "between":
        return nodes.OrderCount(*count_bounds({op: value}, key="value"), days)
    low, high = value if isinstance(value, list) and len(value) == 2 else (None, None)
    return nodes.OrderCount(*count_bounds({">=": low, "<=": high}, key="value"), days)


def _prediction(rule: Mapping[str, Any]) -> nodes.Rule:
    measure = _one_of("prediction", rule["prediction"], PREDICTIONS)
    if "top_percent" in rule:
        if rule.keys() & {"op", "value"}:
            raise BadValueError("top_percent", _("stands alone, without “op” and “value”"))
        return nodes.Predicted(measure, "top", check_share(rule["top_percent"]))
    op = _one_of("op", rule.get("op"), MEASURED)
    value = check_numbers(op, rule.get("value"))
    low, high = value if isinstance(value, tuple) else (value, value)
    if measure in PROBABILITIES and not 0 <= low <= high <= 1:
        raise BadValueError("value", _("must be a probability from 0 to 1"))
    return nodes.Predicted(measure, op, value)


def _message(rule: Mapping[str, Any]) -> nodes.Rule:
    state = _one_of("message", rule["message"], MESSAGE_STATES)
    campaign = rule.get("campaign", "")
    if "campaign" in rule and not _exists(Campaign, campaign):
        raise BadValueError("campaign", _("there is no campaign “%(name)s”") % {"name": named(campaign)})
    return nodes.HadMessage(state, campaign, _days(rule))


def _consent(rule: Mapping[str, Any]) -> nodes.Rule:
    channel = _one_of("consent", rule["consent"], Channel.values)
    return nodes.HasConsent(
        channel, _one_of("purpose", rule.get("purpose", ConsentPurpose.MARKETING), ConsentPurpose.values)
    )


def _coupon(rule: Mapping[str, Any]) -> nodes.Rule:
    state = _one_of("coupon", rule["coupon"], COUPON_STATES)
    offer = rule.get("offer", "")
    if "offer" in rule and not _exists(Offer, offer):
        raise BadValueError("offer", _("there is no offer “%(name)s”") % {"name": named(offer)})
    return nodes.HasCoupon(state, offer)


LEAVES: dict[str, Callable[[Mapping[str, Any]], nodes.Rule]] = {
    "field": _field,
    "attribute": _attribute,
    "event": _event,
    "orders": _orders,
    "prediction": _prediction,
    "message": _message,
    "consent": _consent,
    "coupon": _coupon,
}


def _days(rule: Mapping[str, Any]) -> int | None:
    return check_days("within_days", rule["within_days"]) if "within_days" in rule else None


def _exists(model: type[Campaign | Offer], name: object) -> bool:
    return bool(named(name)) and model._default_manager.filter(name=name).exists()


def named(name: object) -> str:
    """`name` where it can be one, else nothing."""
    try:
        return check_text("", name)
    except BadValueError:
        return ""


def _one_of(key: str, value: object, known: Collection[str]) -> str:
    return str(_choose(key, value, {each: each for each in known}))


def _choose(key: str, value: object, known: Mapping[str, Any]) -> Any:
    if not isinstance(value, str) or value not in known:
        raise BadValueError(key, _("must be one of %(known)s") % {"known": ", ".join(known)})
    return known[value]
