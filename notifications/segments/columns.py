"""Tests of one column of the customer's own rows, as conditions that are NULL where the data is missing."""

import json
import operator
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from notifications.segments.fields import Kind
from notifications.segments.sql import Sql, sql

_PYTHON: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def column_test(column: str, kind: Kind, op: str, value: Any, now: datetime) -> Sql:
    """The test `op` of a column of a kind; windows of days end at `now`."""
    if kind in (Kind.TEXT, Kind.PRESENCE):
        return _text_test(column, op, value)
    if kind == Kind.LIST:
        return _list_test(column, op, value)
    if op in ("is_set", "is_not_set"):
        return Sql(f"{column} {'IS NOT NULL' if op == 'is_set' else 'IS NULL'}")
    if kind == Kind.NUMBER:
        return _comparison(column, op, value)
    if op in ("older_than_days", "within_days"):
        value = now - timedelta(days=value)
    return sql(f"{column} {'<' if op in ('before', 'older_than_days') else '>='} {{}}", value)


def number_test(column: str, op: str, value: Any) -> Sql:
    """The test of a number that counts as 0 where it is missing.

    Only where 0 passes must a missing one be looked for; else the index on the column can be used.
    """
    if op in ("is_set", "is_not_set"):
        return Sql(f"{column} {'IS NOT NULL' if op == 'is_set' else 'IS NULL'}")
    zero_passes = value[0] <= 0 <= value[1] if op == "between" else _PYTHON[op](0, value)
    return _comparison(f"coalesce({column}, 0)" if zero_passes or op == "!=" else column, op, value)


def hours_test(column: str, begin: int, end: int) -> Sql:
    """At least half of all events fall into the hours from `begin` until before `end`, perhaps over midnight."""
    hours = [hour % 24 for hour in range(begin, end if end > begin else end + 24)]
    inside = " + ".join(f"{column}[{hour + 1}]" for hour in hours)
    return Sql(f"2 * ({inside}) >= p.event_count")


def attribute_test(name: str, op: str, value: Any) -> Sql:
    """A test of the JSON attribute `name`: values are equal only where their types are, and compare as numbers."""
    attribute = sql("c.attributes -> {}", name)
    if op in ("is_set", "is_not_set"):
        return sql("coalesce(c.attributes ->> {}, '') {} ''", name, Sql("<>" if op == "is_set" else "="))
    if op in ("=", "in"):
        wanted = value if isinstance(value, tuple) else (value,)
        return sql("{} = ANY({}::jsonb[])", attribute, tuple(json.dumps(each, default=_plain) for each in wanted))
    if op in ("!=", "not_in"):
        return sql("({}) IS NOT TRUE", attribute_test(name, "in", value))
    number = sql("CASE WHEN jsonb_typeof({}) = 'number' THEN ({})::numeric END", attribute, attribute)
    return sql("{}{}", number, _comparison("", op, value))


def _text_test(column: str, op: str, value: Any) -> Sql:
    if op in ("is_set", "is_not_set"):
        return Sql(f"coalesce({column}, '') {'<>' if op == 'is_set' else '='} ''")
    if op in ("in", "not_in"):
        return sql(f"{column} = ANY({{}})" if op == "in" else f"({column} = ANY({{}})) IS NOT TRUE", value)
    return sql(f"{column} {'=' if op == '=' else 'IS DISTINCT FROM'} {{}}", value)


def _list_test(column: str, op: str, value: Any) -> Sql:
    if op in ("is_set", "is_not_set"):
        return Sql(f"coalesce(cardinality({column}), 0) {'>' if op == 'is_set' else '='} 0")
    overlaps = sql(f"{column} && {{}}::varchar[]", value)
    return overlaps if op == "in" else sql("({}) IS NOT TRUE", overlaps)


def _comparison(column: str, op: str, value: Any) -> Sql:
    if op == "between":
        return sql(f"{column} BETWEEN {{}} AND {{}}", *value)
    return sql(f"{column} {'IS DISTINCT FROM' if op == '!=' else op} {{}}", value)


def _plain(number: Decimal) -> int | float:
    """JSON's own number; PostgreSQL compares the numbers of JSON by value, so 1 is 1.0."""
    return int(number) if number == int(number) else float(number)
