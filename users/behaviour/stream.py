"""The stream of events: filtered, newest first, page by page without counting; and how many there were by day.

Pages go by the key (time, id). Each of the four ways in has an index: a customer, an item, suspects, and otherwise the
newest of each type, merged.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection

from users.choices import EventType
from users.models import Event

PAGE = 50
COUNTED = 1_000_000  # rows beyond which the chart is estimated from a sample of the table's blocks


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the stream."""

    occurred_at: datetime
    id: int


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events; empty fields leave nothing out. `since` and `until` (not included) are aware."""

    types: tuple[int, ...] = ()
    customer_id: int | None = None
    item_id: int | None = None
    message_key: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    only_suspect: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Events, newest first, with their customers and items; `has_older` and `has_newer` say what lies beyond."""

    events: list[Event]
    has_older: bool
    has_newer: bool


def event_page(chosen: EventFilter, *, before: Position | None = None, after: Position | None = None) -> Page:
    """The page of events before or after a position, or the newest one."""
    upwards = after is not None
    keys = _keys(chosen, before or after, upwards=upwards)
    has_more = len(keys) > PAGE
    keys = keys[:PAGE][::-1] if upwards else keys[:PAGE]
    events = _fetch(keys)
    if upwards:
        return Page(events, has_older=True, has_newer=has_more)
    return Page(events, has_older=has_more, has_newer=before is not None)


def _keys(chosen: EventFilter, position: Position | None, *, upwards: bool) -> list[tuple[int, datetime, int]]:
    """(customer, time, id) of one page and one more, in the direction of reading."""
    conditions, values = _conditions(chosen)
    if position is not None:
        sign = ">" if upwards else "<"
        conditions.append(f"occurred_at {sign}= %(at)s AND (occurred_at, id) {sign} (%(at)s, %(id)s)")
        values |= {"at": position.occurred_at, "id": position.id}
    where = " AND ".join(conditions) or "TRUE"
    direction = "ASC" if upwards else "DESC"
    order = f"ORDER BY occurred_at {direction}, id {direction} LIMIT {PAGE + 1}"
    one_type = f"SELECT customer_id, occurred_at, id FROM users_event WHERE type = kind AND {where} {order}"
    if chosen.customer_id is None and chosen.item_id is None and not chosen.only_suspect:
        values["types"] = list(chosen.types or EventType.values)
        query = f"""
            SELECT customer_id, occurred_at, id FROM unnest(%(types)s::smallint[]) AS kind
            CROSS JOIN LATERAL ({one_type}) AS newest {order}
        """
    else:
        query = f"SELECT customer_id, occurred_at, id FROM users_event WHERE {where} {order}"
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchall()


def _conditions(chosen: EventFilter) -> tuple[list[str], dict[str, Any]]:
    tests = {
        "types": ("type = ANY(%(types)s::smallint[])", list(chosen.types) or None),
        "customer": ("customer_id = %(customer)s", chosen.customer_id),
        "item": ("item_id = %(item)s", chosen.item_id),
        "message": ("message_id = %(message)s::uuid", chosen.message_key),
        "since": ("occurred_at >= %(since)s", chosen.since),
        "until": ("occurred_at < %(until)s", chosen.until),
    }
    used = {name: (sql, value) for name, (sql, value) in tests.items() if value is not None}
    conditions = [sql for sql, _value in used.values()]
    if chosen.only_suspect:
        conditions.append("suspect > 0")
    return conditions, {name: value for name, (_sql, value) in used.items()}


def _fetch(keys: Sequence[tuple[int, datetime, int]]) -> list[Event]:
    """The events of `keys` in that order, by their primary key; three queries however many."""
    if not keys:
        return []
    customers, times, ids = (list(column) for column in zip(*keys, strict=True))
    # The bounds of time let the planner leave out the other partitions.
    events = Event.objects.filter(
        customer_id__in=set(customers), occurred_at__gte=min(times), occurred_at__lte=max(times), pk__in=ids
    ).select_related("customer", "item")
    by_id = {event.pk: event for event in events}
    return [by_id[pk] for pk in ids if pk in by_id]


@dataclass(frozen=True, slots=True)
class DailyCounts:
    """Events by day and type; `is_estimate` where they were projected from a sample."""

    days: list[date]
    by_type: dict[int, list[int]]
    is_estimate: bool


def daily_counts(chosen: EventFilter, *, since: datetime, until: datetime, zone: str) -> DailyCounts:
    """Count the events from `since` to before `until` by day of the time zone and by type."""
    conditions, values = _conditions(replace(chosen, since=since, until=until))
    where = " AND ".join(conditions)
    values["zone"] = zone

    def query(sample: str) -> str:
        return f"""
            SELECT (occurred_at AT TIME ZONE %(zone)s)::date, type, count(*) FROM users_event {sample}
            WHERE {where} GROUP BY 1, 2
        """

    with connection.cursor() as cursor:
        share = min(1.0, COUNTED / max(_estimate(cursor, where, values), 1))
        sample = "" if share == 1 else f"TABLESAMPLE SYSTEM ({100 * share:.4f}) REPEATABLE (1)"
        cursor.execute(query(sample), values)
        rows = cursor.fetchall()
    first, last = (each.astimezone(since.tzinfo).date() for each in (since, until - timedelta(microseconds=1)))
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    place = {day: number for number, day in enumerate(days)}
    by_type: dict[int, list[int]] = {}
    for day, kind, count in rows:
        if day in place:
            by_type.setdefault(kind, [0] * len(days))[place[day]] += round(count / share)
    return DailyCounts(days, dict(sorted(by_type.items(), key=lambda pair: -sum(pair[1]))), share < 1)


def _estimate(cursor: Any, where: str, values: dict[str, Any]) -> float:
    """The planner's guess of how many events there are, which costs nothing."""
    cursor.execute(f"EXPLAIN (FORMAT JSON) SELECT FROM users_event WHERE {where}", values)
    plan = cursor.fetchone()[0]
    return float((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]["Plan Rows"])
