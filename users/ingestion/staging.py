"""COPY rows into a temporary table of the session, from where one statement moves them on."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection

NULL = "\\N"


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
