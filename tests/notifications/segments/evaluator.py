"""Rules read literally, one customer at a time, in plain Python: the definition that compiled SQL must agree with."""

import math
import operator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from tests.notifications.segments.small_shop import NOW, PARENTS, Shopper, SmallShop

COMPARE = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
COUNTS_AS_ZERO = {"order_count", "revenue", "event_count"}


def holds(rule: dict, shopper: Shopper, shop: SmallShop) -> bool:
    """Whether `rule` holds for `shopper`, by the words of the documentation."""
    (kind,) = rule.keys() & READERS.keys()
    return READERS[kind](rule, shopper, shop)


def _field(rule, shopper, shop):
    table, name = rule["field"].split(".")
    op, value = rule["op"], rule.get("value")
    if name == "phone":
        return shopper.has_phone is (op == "is_set")
    actual = getattr(shopper, name) if table == "customer" else (shopper.profile or {}).get(name)
    if name == "active_hours":
        begin, end = value
        wanted = range(begin, end) if begin < end else [*range(begin, 24), *range(end)]
        return bool(actual) and 2 * sum(actual[hour] for hour in wanted) >= sum(actual)
    if isinstance(actual, list) or name == "favourite_categories":
        found = bool(set(actual or []) & set(value or []))
        return {"in": found, "not_in": not found, "is_set": bool(actual), "is_not_set": not actual}[op]
    if name in COUNTS_AS_ZERO and op not in ("is_set", "is_not_set"):
        actual = actual or 0
    return _test(actual, op, value)


def _test(actual, op, value):
    if isinstance(actual, int | float | Decimal) and isinstance(value, str):
        value = Decimal(value)
    if op in ("is_set", "is_not_set"):
        return (actual not in (None, "")) is (op == "is_set")
    if op in ("!=", "not_in"):
        return actual is None or actual not in (value if op == "not_in" else [value])
    if actual is None:
        return False
    if op in ("=", "in"):
        return actual in (value if op == "in" else [value])
    if op in ("within_days", "older_than_days"):
        return (actual >= NOW - timedelta(days=value)) is (op == "within_days")
    if op in ("before", "after"):
        moment = datetime.fromisoformat(value).replace(tzinfo=UTC)
        return (actual >= (moment if isinstance(actual, datetime) else moment.date())) is (op == "after")
    if op == "between":
        return Decimal(str(value[0])) <= Decimal(str(actual)) <= Decimal(str(value[1]))
    return COMPARE[op](Decimal(str(actual)), Decimal(str(value)))


def _attribute(rule, shopper, shop):
    actual, op, value = shopper.attributes.get(rule["attribute"]), rule["op"], rule.get("value")
    if op in ("=", "!=", "in", "not_in"):
        wanted = value if op.endswith("in") else [value]
        # In Python True is 1; in JSON it is not.
        found = any(actual == each and isinstance(actual, bool) is isinstance(each, bool) for each in wanted)
        return found is (op in ("=", "in"))
    if op in ("is_set", "is_not_set"):
        return _test(actual, op, value)
    is_number = isinstance(actual, int | float) and not isinstance(actual, bool)
    return is_number and _test(actual, op, value)


def _since(days):
    return datetime.min.replace(tzinfo=UTC) if days is None else NOW - timedelta(days=days)


def _counts(number, bounds):
    return all(COMPARE[op](number, bound) for op, bound in bounds.items())


def _event(rule, shopper, shop):
    bounds = {"=": 0} if "never" in rule else rule.get("count", {">=": 1})
    fitting = [
        event
        for event in shopper.events
        if event[0] == rule["event"]
        and event[1] >= _since(rule.get("within_days"))
        and _item_fits(event[2], rule.get("item", {}), shop)
    ]
    return _counts(len(fitting), bounds)


def _item_fits(item, wanted, shop):
    if not wanted:
        return True
    if item is None:
        return False
    category, brand, price, currency = shop.items[item]
    above = set()
    while category:
        above.add(category)
        category = PARENTS[category]
    return (
        ("ids" not in wanted or item in wanted["ids"])
        and ("category" not in wanted or bool(above & set(wanted["category"])))
        and ("brand" not in wanted or brand in wanted["brand"])
        and (
            "price" not in wanted
            or (price is not None and currency == "GBP" and _counts(price, _decimals(wanted["price"])))
        )
    )


def _decimals(bounds):
    return {op: Decimal(str(bound)) for op, bound in bounds.items()}


def _orders(rule, shopper, shop):
    placed = [
        order for order in shopper.orders if order[1] != "cancelled" and order[0] >= _since(rule.get("within_days"))
    ]
    if rule["orders"] == "last":
        return _test(max((order[0] for order in placed), default=None), rule["op"], rule.get("value"))
    if rule["orders"] == "count":
        return _test(len(placed), rule["op"], rule["value"])
    paid = [total - refunded for _, _, total, refunded, currency in placed if currency == "GBP"]
    return _test(sum(paid), rule["op"], rule["value"])


def _prediction(rule, shopper, shop):
    measure = rule["prediction"]
    actual = (shopper.prediction or {}).get(measure)
    if "top_percent" not in rule:
        return _test(actual, rule["op"], rule["value"])
    known = sorted(
        (
            each.prediction[measure]
            for each in shop.shoppers
            if each.prediction and each.prediction[measure] is not None
        ),
        reverse=True,
    )
    wanted = math.ceil(Fraction(str(rule["top_percent"])) * len(known) / 100)
    return actual is not None and actual >= known[wanted - 1]


def _message(rule, shopper, shop):
    received = [
        clicked
        for campaign, state, sent_at, clicked in shopper.messages
        if state == "sent" and sent_at >= _since(rule.get("within_days")) and rule.get("campaign", campaign) == campaign
    ]
    return {"received": bool(received), "clicked": any(received), "ignored": bool(received) and not any(received)}[
        rule["message"]
    ]


def _consent(rule, shopper, shop):
    wanted = (rule["consent"], rule.get("purpose", "marketing"))
    ledger = [granted for channel, purpose, _, granted in shopper.consents if (channel, purpose) == wanted]
    return bool(ledger) and ledger[-1]


def _coupon(rule, shopper, shop):
    own = [coupon for coupon in shopper.coupons if rule.get("offer", coupon[0]) == coupon[0]]
    if rule["coupon"] == "redeemed":
        return any(is_redeemed for _, _, is_redeemed in own)
    return any(is_valid and not is_redeemed for _, is_valid, is_redeemed in own)


READERS = {
    "all": lambda rule, shopper, shop: all(holds(inner, shopper, shop) for inner in rule["all"]),
    "any": lambda rule, shopper, shop: any(holds(inner, shopper, shop) for inner in rule["any"]),
    "not": lambda rule, shopper, shop: not holds(rule["not"], shopper, shop),
    "segment": lambda rule, shopper, shop: holds(shop.segments[rule["segment"]], shopper, shop),
    "field": _field,
    "attribute": _attribute,
    "event": _event,
    "orders": _orders,
    "prediction": _prediction,
    "message": _message,
    "consent": _consent,
    "coupon": _coupon,
}
