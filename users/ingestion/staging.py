"""Rows on their way into a statement: as arrays of its columns, or by COPY into a temporary table of the session."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from django.db import connection

NULL = "\\N"

# The statements that each connection of the driver has prepared.
_prepared: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()


def unnest(columns: Sequence[tuple[str, str]]) -> str:
    """A FROM item that turns `arrays` back into rows. `columns` are (name, SQL type)."""
    values = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
    return f"unnest({values}) AS staged ({', '.join(name for name, _ in columns)})"


def execute_prepared(
    name: str, statement: str, parameters: Sequence[tuple[str, Any]], *, after: str
) -> tuple[Any, ...]:
    """Run `statement`, whose `$1`, `$2` … are `parameters` of (SQL type, value); returns its only row.

    `after` is a plain statement that goes before it on the same way to the server.

    It is planned once per connection: planning costs as much as storing fifty events. Behind a pooler that changes
    connections between transactions (Django's `DISABLE_SERVER_SIDE_CURSORS`) it is planned every time.
    """
    with connection.cursor() as cursor:
        known = _prepared.setdefault(connection.connection, set())
        if name not in known:
            cursor.execute(f"PREPARE {name} ({', '.join(kind for kind, _ in parameters)}) AS {statement}")
            known.add(name)
        values = [value for _, value in parameters]
        cursor.execute(f"{after}; EXECUTE {name} ({', '.join(['%s'] * len(values))})", values)
        row: tuple[Any, ...] = cursor.fetchone()
        if connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS"):
            cursor.execute(f"DEALLOCATE {name}")
            known.discard(name)
    return row


def arrays(columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[Any]]) -> list[tuple[str, str]]:
    """The columns of `rows` as parameters of `execute_prepared`; None becomes NULL."""
    return [
        (f"{kind}[]", _array(values, quoted=kind in _QUOTED))
        for (_, kind), values in zip(columns, zip(*rows, strict=True), strict=True)
    ]


_QUOTED = frozenset({"text", "jsonb"})


def _array(values: Sequence[Any], *, quoted: bool) -> str:
    """PostgreSQL's literal of an array."""
    missing = values.count(None)
    if missing == len(values):
        return "{" + ",".join(["NULL"] * len(values)) + "}"
    if not missing and not quoted:
        return "{" + ",".join(map(str, values)) + "}"
    if not missing:
        text = '","'.join(values)
        if "\\" not in text and text.count('"') == 2 * len(values) - 2:  # nothing to escape, as nearly always
            return '{"' + text + '"}'
    show = _quote if quoted else str
    return "{" + ",".join(["NULL" if value is None else show(value) for value in values]) + "}"


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def stage(table: str, columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[Any]]) -> None:
    """Fill the temporary `table` with `rows`; None becomes NULL. Must run inside a transaction.

    `columns` are (name, SQL type). The table is made once per connection and emptied at every commit.
    """
    text = io.StringIO()
    csv.writer(text).writerows([[NULL if value is None else value for value in row] for row in rows])
    text.seek(0)
    declared = ", ".join(f"{name} {kind}" for name, kind in columns)
    names = ", ".join(name for name, _ in columns)
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE IF NOT EXISTS {table} ({declared}) ON COMMIT DELETE ROWS")
        cursor.execute(f"TRUNCATE pg_temp.{table}")
        cursor.cursor.copy_expert(f"COPY pg_temp.{table} ({names}) FROM STDIN (FORMAT csv, NULL '{NULL}')", text)
