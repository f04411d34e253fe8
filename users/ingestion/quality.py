"""Counters of what was dropped, corrected or marked, by day, source and reason, with the newest examples of each."""

from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone

from catalog.tally import SAMPLES, Tally

SOURCE_LENGTH = 64
_SHARDS = 16


def add_taken(*, day: str, source: str, rows: str) -> str:
    """SQL that adds `rows` to those taken in; all three are expressions, and nothing happens for no rows.

    One row per backend (modulo 16), so that clients do not wait for each other where every batch counts.
    """
    return f"""
        INSERT INTO users_intakecount (day, source, shard, rows)
        SELECT {day}, {source}, mod(pg_backend_pid(), {_SHARDS}), taken FROM (SELECT {rows}) AS counted (taken)
        WHERE taken > 0
        ON CONFLICT (day, source, shard) DO UPDATE SET rows = users_intakecount.rows + excluded.rows"""


# The examples are a ring: the counter decides the place, so that the newest overwrite the oldest.
_ADD = f"""
WITH counted AS (
    INSERT INTO users_qualitycount (day, source, reason, rows)
    SELECT %(day)s, %(source)s, reason, rows FROM unnest(%(reasons)s::text[], %(rows)s::bigint[]) AS c (reason, rows)
    ON CONFLICT (day, source, reason) DO UPDATE SET rows = users_qualitycount.rows + excluded.rows
    RETURNING reason, rows
)
INSERT INTO users_qualitysample (day, source, reason, slot, reference, value, noted_at)
SELECT %(day)s, %(source)s, reason, (counted.rows - sample.age) %% {SAMPLES}, reference, value, now()
FROM unnest(%(sample_reasons)s::text[], %(ages)s::int[], %(references)s::text[], %(values)s::text[])
     AS sample (reason, age, reference, value)
JOIN counted USING (reason)
ON CONFLICT (day, source, reason, slot) DO UPDATE
SET reference = excluded.reference, value = excluded.value, noted_at = excluded.noted_at
"""


def count_rows(*, source: str, reasons: Mapping[str, int]) -> None:
    """Add to today's counters; safe under concurrency."""
    save_tally(Tally(source, rows=Counter(reasons)))


def source_name(tally: Tally) -> str:
    """The source as it is stored."""
    return tally.source[:SOURCE_LENGTH]


def today() -> date:
    """The day that rows are counted under."""
    return timezone.now().date()


def save_tally(tally: Tally) -> None:
    """Add to today's counters and examples; safe under concurrency."""
    day, source = today(), source_name(tally)
    counted = sorted((reason, rows) for reason, rows in tally.rows.items() if rows)
    with connection.cursor() as cursor:
        if counted:
            cursor.execute(_ADD, {"day": day, "source": source, **_columns(counted, tally)})
        if tally.taken:
            cursor.execute(add_taken(day="%s", source="%s", rows="%s"), [day, source, tally.taken])


def _columns(counted: list[tuple[str, int]], tally: Tally) -> dict[str, list[Any]]:
    samples = [
        (reason, age, _storable(sample.reference), _storable(sample.value))
        for reason, kept in sorted(tally.samples.items())
        for age, sample in enumerate(reversed(kept))
    ]
    return {
        "reasons": [reason for reason, _ in counted],
        "rows": [rows for _, rows in counted],
        **{
            name: [row[place] for row in samples]
            for place, name in enumerate(("sample_reasons", "ages", "references", "values"))
        },
    }


def _storable(example: str) -> str:
    """An example may be shown for just what PostgreSQL cannot store: NUL, or half an emoji."""
    return example[:255].replace("\x00", "\ufffd").encode(errors="replace").decode()


def forget_samples() -> int:
    """Delete examples older than the setting QUALITY_SAMPLE_DAYS. Returns how many went."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM users_qualitysample WHERE day < %s",
            [today() - timedelta(days=settings.QUALITY_SAMPLE_DAYS)],
        )
        return cursor.rowcount
