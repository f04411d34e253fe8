"""The values inside a rule: numbers, days, dates, lists."""

from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.translation import gettext as _

from notifications.segments.fields import Kind

LONGEST_LIST = 10_000
LONGEST_TEXT = 255
MOST_DAYS = 36_500
_LARGEST = Decimal(10) ** 15


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
    if kind == Kind.TEXT:
        return check_texts("value", value, LONGEST_LIST) if op in ("in", "not_in") else _text("value", value)
    if op != "between":
        return _number(value)
    if not isinstance(value, list) or len(value) != 2 or _number(value[0]) > _number(value[1]):
        raise BadValueError("value", _("must be two numbers, the smaller one first"))
    return _number(value[0]), _number(value[1])


def check_days(key: str, value: object) -> int:
    """A number of days."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_DAYS:
        raise BadValueError(key, _("must be a whole number of at least 1 and at most %(most)d") % {"most": MOST_DAYS})
    return value


def check_texts(key: str, value: object, most: int) -> tuple[str, ...]:
    """A list of texts, at least one."""
    if not isinstance(value, list) or not 1 <= len(value) <= most:
        raise BadValueError(key, _("must be a list of 1 to %(most)d texts") % {"most": most})
    return tuple(_text(f"{key}[{index}]", text) for index, text in enumerate(value))


def count_bounds(count: object) -> tuple[int, int | None]:
    """`{">=": 2, "<": 5}` as least 2, most 4; None where there is no upper limit."""
    if not isinstance(count, dict) or not count or count.keys() - {"=", ">", ">=", "<", "<="}:
        raise BadValueError("count", _('must be an object such as {">=": 2}'))
    least, most = 0, None
    for op, value in count.items():
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 1_000_000_000:
            raise BadValueError(f"count.{op}", _("must be a whole number of at least 0"))
        if op in ("=", ">", ">="):
            least = max(least, value + (op == ">"))
        if op in ("=", "<", "<="):
            upper = value - (op == "<")
            most = upper if most is None else min(most, upper)
    if most is not None and most < least:
        raise BadValueError("count", _("can never be true"))
    if least == 0 and most is None:
        raise BadValueError("count", _("is always true; leave the rule out"))
    return least, most


def _text(key: str, value: object) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or "\x00" in value:
        raise BadValueError(key, _("must be a text of at most %(most)d characters") % {"most": LONGEST_TEXT})
    return value


def _number(value: object) -> Decimal:
    try:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise InvalidOperation
        number = Decimal(str(value))
    except InvalidOperation:
        raise BadValueError("value", _("must be a number")) from None
    if not number.is_finite() or abs(number) > _LARGEST:
        raise BadValueError("value", _("must be a number of at most 15 digits"))
    return number


def _moment(value: object, kind: Kind) -> date | datetime:
    try:
        moment = datetime.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise BadValueError("value", _("must be a date such as 2026-01-31")) from None
    if kind == Kind.DATE:
        return moment.date()
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
