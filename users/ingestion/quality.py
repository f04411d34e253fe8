"""Counters of what was dropped or corrected, by day, source and reason."""

from collections.abc import Mapping

from django.db import connection
from django.utils import timezone


def count_rows(*, source: str, reasons: Mapping[str, int]) -> None:
    """Add to today's counters; safe under concurrency."""
    counted = sorted((reason, rows) for reason, rows in reasons.items() if rows)
    if not counted:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO users_qualitycount (day, source, reason, rows)
            SELECT %s, %s, reason, rows FROM unnest(%s::text[], %s::bigint[]) AS counted (reason, rows)
            ON CONFLICT (day, source, reason) DO UPDATE SET rows = users_qualitycount.rows + excluded.rows
            """,
            [timezone.now().date(), source, [reason for reason, _ in counted], [rows for _, rows in counted]],
        )
