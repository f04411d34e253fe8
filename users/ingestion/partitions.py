"""Monthly partitions of the events table: made ahead by a periodic task, and on demand for imports of history."""

from collections.abc import Iterable
from datetime import UTC, date, datetime

from django.db import connection, transaction

_LOCK = 0x6576656E74  # "event": serialises the makers of partitions
_made: set[str] = set()


def month_of(time: datetime) -> date:
    """First day of the month that holds `time`, in UTC."""
    utc = time.astimezone(UTC)
    return date(utc.year, utc.month, 1)


def next_month(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def partition_name(month: date) -> str:
    return f"users_event_y{month.year}m{month.month:02}"


def make_partitions(months: Iterable[date]) -> list[str]:
    """Make the missing partitions of `months` (first days); returns the names of the new ones."""
    wanted = {partition_name(month): month for month in months}
    missing = sorted(wanted.keys() - _made)
    if not missing:
        return []
    created: list[str] = []
    with transaction.atomic(), connection.cursor() as cursor:
        if _absent(missing):
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            created = _absent(missing)  # another maker may have been faster
        for name in created:
            month = wanted[name]
            # Attaching lets readers and writers of the events go on; CREATE … PARTITION OF would wait for all of them.
            cursor.execute(
                f"CREATE TABLE {name} (LIKE users_event INCLUDING DEFAULTS INCLUDING CONSTRAINTS);"
                f"ALTER TABLE users_event ATTACH PARTITION {name} "
                f"FOR VALUES FROM ('{month} 00:00+00') TO ('{next_month(month)} 00:00+00')"
            )
    transaction.on_commit(lambda: _made.update(missing))  # a surrounding transaction may still roll back
    return created


def event_partitions() -> list[tuple[str, datetime]]:
    """The partitions that there are with the first moment of their month, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid "
            "WHERE inhparent = 'users_event'::regclass"
        )
        names = [name for (name,) in cursor.fetchall()]
    found = []
    for name in names:
        year, _, month = name.removeprefix("users_event_y").partition("m")
        found.append((name, datetime(int(year), int(month), 1, tzinfo=UTC)))
    return sorted(found, key=lambda pair: pair[1])


def forget_partition(name: str) -> None:
    """A partition was dropped; should its month be needed again, it is made again."""
    _made.discard(name)


def _absent(names: list[str]) -> list[str]:
    # The catalogue's rows, not to_regclass: that would remember what was absent before the lock.
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT name FROM unnest(%s::text[]) AS name WHERE name NOT IN (
                SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
                WHERE inhparent = 'users_event'::regclass
            ) ORDER BY name
            """,
            [names],
        )
        return [name for (name,) in cursor.fetchall()]


def make_partitions_ahead(*, now: datetime, months: int = 3) -> list[str]:
    """Make the partitions of this month and the next `months`."""
    month = month_of(now)
    ahead = [month]
    for _ in range(months):
        ahead.append(next_month(ahead[-1]))
    return make_partitions(ahead)
