"""Compute profiles set-based: of some customers, of those that are due, or of everyone. All give the same rows."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from users.profiles.bounds import compute_bounds, current_bounds
from users.profiles.stages import FREQUENCY, LIFECYCLE, MONETARY, RECENCY
from users.profiles.statement import COLUMNS, PROFILES

RANGE = 1_000_000  # customers of one statement: each reads the events anew, and what outgrows work_mem goes to disk
MARKS = 50_000  # marks that are claimed at once

_LOCK = 0x70726F66696C65  # "profile": a slower refresh must not overwrite the row of a later one
_SOME = "= ANY(%(ids)s)"
_RANGE = "BETWEEN %(low)s AND %(high)s"

# A table of its own first: PostgreSQL runs CREATE TABLE … AS on several cores, but no INSERT … SELECT.
_COMPUTE = f"CREATE TEMPORARY TABLE fresh_profile ON COMMIT DROP AS {PROFILES}"
_FACTS = [name for name in COLUMNS if name not in ("customer_id", "refreshed_at")]
_STORE = f"""
INSERT INTO users_profile AS profile ({", ".join(COLUMNS)})
SELECT {", ".join(COLUMNS)} FROM pg_temp.fresh_profile ORDER BY customer_id
ON CONFLICT (customer_id) DO UPDATE SET ({", ".join(COLUMNS)}) = ({", ".join(f"excluded.{name}" for name in COLUMNS)})
WHERE ({", ".join(f"profile.{name}" for name in _FACTS)})
      IS DISTINCT FROM ({", ".join(f"excluded.{name}" for name in _FACTS)})
"""
# Whoever was erased or joined to another customer is not among the fresh ones.
_DROP = """
DELETE FROM users_profile WHERE {scope}
AND NOT EXISTS (SELECT FROM pg_temp.fresh_profile AS fresh WHERE fresh.customer_id = users_profile.customer_id)
"""
_CLAIM = """
DELETE FROM users_profiledue WHERE id IN (SELECT id FROM users_profiledue ORDER BY id LIMIT %s) RETURNING customer_id
"""
# Autovacuum never looks at a partitioned table as a whole; without statistics its plans are made for an empty one.
_ANALYZE = "ANALYZE users_customer, users_event, users_order, users_botmark, catalog_item"
_NEXT = """
SELECT max(id) FROM (SELECT id FROM users_customer WHERE id > %s ORDER BY id LIMIT %s) AS customers
"""
_STANDING = f"""
UPDATE users_profile SET lifecycle = {LIFECYCLE}, recency_quintile = {RECENCY}, frequency_quintile = {FREQUENCY},
       monetary_quintile = {MONETARY}, refreshed_at = %(as_of)s
WHERE (lifecycle, recency_quintile, frequency_quintile, monetary_quintile)
      IS DISTINCT FROM ({LIFECYCLE}, {RECENCY}, {FREQUENCY}, {MONETARY})
"""


def refresh_profiles(*, customer_ids: Sequence[int] | None = None, as_of: datetime | None = None) -> int:
    """Recompute the profiles of `customer_ids`; None: of everyone, with new bounds of the fifths.

    `as_of` is the time that counts as now. Returns the number of profiles computed.
    """
    now = as_of or timezone.now()
    if customer_ids is not None:
        with transaction.atomic():
            _take_turn()
            return _refresh(_SOME, {"ids": list(customer_ids)}, now)
    with connection.cursor() as cursor:
        cursor.execute(_ANALYZE)
    compute_bounds(as_of=now, prices=True)
    count = 0
    for low, high in _ranges():
        with transaction.atomic(), connection.cursor() as cursor:
            _take_turn()
            cursor.execute("SET LOCAL work_mem = '256MB'")
            cursor.execute("DELETE FROM users_profiledue WHERE customer_id BETWEEN %s AND %s", [low, high])
            count += _refresh(_RANGE, {"low": low, "high": high}, now)
            cursor.execute("SET LOCAL work_mem = DEFAULT")
    return count


def refresh_due_profiles(*, as_of: datetime | None = None) -> int:
    """Recompute the profiles of the customers that are marked as due. Returns the number of profiles computed.

    A mark is claimed in the transaction that computes, after the change that it stands for was committed; a change that
    commits later leaves its mark for the next time. While somebody else refreshes, it is left to the next time, too.
    """
    count = 0
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
            if not cursor.fetchone()[0]:
                return count
            cursor.execute(_CLAIM, [MARKS])
            ids = {customer_id for (customer_id,) in cursor.fetchall()}
            if not ids:
                return count
            count += _refresh(_SOME, {"ids": sorted(ids)}, as_of or timezone.now())


def refresh_standing(*, as_of: datetime | None = None) -> int:
    """Bring lifecycle stages and quintiles up to today, by new bounds. Returns how many profiles changed."""
    now = as_of or timezone.now()
    with transaction.atomic(), connection.cursor() as cursor:
        _take_turn()
        compute_bounds(as_of=now, prices=False)
        cursor.execute(_STANDING, {"as_of": now, **current_bounds()})
        return cursor.rowcount


def _take_turn() -> None:
    """Wait until nobody else refreshes; what follows sees what they committed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def _refresh(test: str, customers: dict[str, Any], now: datetime) -> int:
    """Recompute the customers whose ids pass `test`."""
    scope = {"scope": f"customer_id {test}", "customers": f"customer.id {test}"}
    values = {
        **customers,
        **current_bounds(),
        "as_of": now,
        "zone": settings.TIME_ZONE,
        "currency": settings.SHOP_CURRENCY,
    }
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL jit = off")  # compiling so many expressions takes longer than running them
        cursor.execute(_COMPUTE.format(**scope), values)
        count = cursor.rowcount
        cursor.execute(_STORE)
        cursor.execute(_DROP.format(**scope), values)
        cursor.execute("DROP TABLE pg_temp.fresh_profile")
    return count


def _ranges() -> Iterator[tuple[int, int]]:
    """First and last ids of all customers, `RANGE` customers at a time."""
    last = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_NEXT, [last, RANGE])
            (high,) = cursor.fetchone()
        if high is None:
            return
        yield last + 1, high
        last = high
