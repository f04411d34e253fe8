"""The values inside a rule: numbers, days, dates, lists."""

from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.translation import gettext as _

from notifications.segments.fields import Kind
from notifications.segments.nodes import PriceRange

LONGEST_LIST = 10_000
LONGEST_TEXT = 255
MOST_DAYS = 36_500
_LARGEST = Decimal(10) ** 15
_FINEST = 10  # digits behind the point


class BadValueError(ValueError):
    """A value that makes no sense under `key` of its rule."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


def check_value(kind: Kind, op: str, value: object) -> Any:
    """The value of a field test, as its operator needs it. Raises BadValueError."""
    if op in ("older_than_days", "within_days"):
        return check_days("value", value)
    if op in ("before", "after"):
        return _moment(value, kind)
    if kind == Kind.HOURS:
        return _hours(value)
    if kind in (Kind.TEXT, Kind.LIST):
        return check_texts("value", value, LONGEST_LIST) if op in ("in", "not_in") else check_text("value", value)
    return check_numbers(op, value)


def check_numbers(op: str, value: object) -> Decimal | tuple[Decimal, Decimal]:
    """The value of a comparison of numbers, a pair for `between`."""
    if op != "between":
        return check_number("value", value)
    if not isinstance(value, list) or len(value) != 2:
        raise BadValueError("value", _("must be two numbers, the smaller one first"))
    low, high = check_number("value[0]", value[0]), check_number("value[1]", value[1])
    if low > high:
        raise BadValueError("value", _("must be two numbers, the smaller one first"))
    return low, high


def check_attribute(op: str, value: object) -> Any:
    """The value of an attribute's test: texts, numbers and truth values as JSON has them."""
    if op in ("in", "not_in"):
        if not isinstance(value, list) or not 1 <= len(value) <= LONGEST_LIST:
            raise BadValueError("value", _("must be a list of 1 to %(most)d texts") % {"most": LONGEST_LIST})
        return tuple(_scalar(f"value[{index}]", each) for index, each in enumerate(value))
    return _scalar("value", value) if op in ("=", "!=") else check_numbers(op, value)


def check_price(value: object) -> PriceRange:
    """`{">=": 10, "<=": 50}` as a range."""
    if not isinstance(value, dict) or not value or value.keys() - {">=", "<="}:
        raise BadValueError("item.price", _('must be an object such as {">=": 10, "<=": 50}'))
    least, most = (check_number(f"item.price.{op}", value[op]) if op in value else None for op in (">=", "<="))
    if least is not None and most is not None and most < least:
        raise BadValueError("item.price", _("can never be true"))
    return PriceRange(least, most)


def check_share(value: object) -> Decimal:
    """A share in percent, above 0."""
    percent = check_number("top_percent", value)
    if not 0 < percent <= 100:
        raise BadValueError("top_percent", _("must be above 0 and at most 100"))
    return percent


def check_days(key: str, value: object) -> int:
    """A number of days."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_DAYS:
        raise BadValueError(key, _("must be a whole number of at least 1 and at most %(most)d") % {"most": MOST_DAYS})
    return value


def check_texts(key: str, value: object, most: int) -> tuple[str, ...]:
    """A list of texts, at least one."""
    if not isinstance(value, list) or not 1 <= len(value) <= most:
        raise BadValueError(key, _("must be a list of 1 to %(most)d texts") % {"most": most})
    return tuple(check_text(f"{key}[{index}]", text) for index, text in enumerate(value))


def count_bounds(count: object, *, key: str = "") -> tuple[int, int | None]:
    """`{">=": 2, "<": 5}` as least 2, most 4; None where there is no upper limit.

    Faults are noted at `key`, or inside `count`.
    """
    if not isinstance(count, dict) or not count or count.keys() - {"=", ">", ">=", "<", "<="}:
        raise BadValueError("count", _('must be an object such as {">=": 2}'))
    least, most = 0, None
    for op, value in count.items():
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 1_000_000_000:
            raise BadValueError(key or f"count.{op}", _("must be a whole number of at least 0"))
        if op in ("=", ">", ">="):
            least = max(least, value + (op == ">"))
        if op in ("=", "<", "<="):
            upper = value - (op == "<")
            most = upper if most is None else min(most, upper)
    if most is not None and most < least:
        raise BadValueError(key or "count", _("can never be true"))
    if least == 0 and most is None:
        raise BadValueError(key or "count", _("is always true; leave the rule out"))
    return least, most


def check_text(key: str, value: object) -> str:
    """A text that PostgreSQL can hold."""
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or not _is_storable(value):
        raise BadValueError(key, _("must be a text of at most %(most)d characters") % {"most": LONGEST_TEXT})
    return value


def check_number(key: str, value: object) -> Decimal:
    """A finite number, exactly as it was written."""
    try:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise InvalidOperation
        number = Decimal(str(value))
    except (InvalidOperation, ValueError):  # Python refuses to write out integers of thousands of digits
        raise BadValueError(key, _("must be a number")) from None
    if not number.is_finite() or abs(number) > _LARGEST or number != round(number, _FINEST):
        raise BadValueError(key, _("must be a number of at most 15 digits"))
    return number


def _is_storable(text: str) -> bool:
    """Neither NUL nor half of a surrogate pair, which JSON can express and PostgreSQL cannot."""
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _scalar(key: str, value: object) -> str | bool | Decimal:
    if isinstance(value, bool):
        return value
    return check_text(key, value) if isinstance(value, str) else check_number(key, value)


def _hours(value: object) -> tuple[int, int]:
    hours = value if isinstance(value, list) else []
    if (
        len(hours) != 2
        or not all(isinstance(hour, int) and not isinstance(hour, bool) and 0 <= hour <= 24 for hour in hours)
        or hours[0] % 24 == hours[1] % 24
    ):
        raise BadValueError("value", _("must be two different hours from 0 to 24, such as [18, 22]"))
    return hours[0] % 24, hours[1] % 24


def _moment(value: object, kind: Kind) -> date | datetime:
    try:
        moment = datetime.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise BadValueError("value", _("must be a date such as 2026-01-31")) from None
    if kind == Kind.DATE:
        return moment.date()
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
