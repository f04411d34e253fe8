"""Events in: each counted once, however often and in whatever order it is sent."""

from collections.abc import Iterable
from datetime import datetime
from itertools import islice
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from catalog.tally import Tally
from catalog.validation import IngestResult, Refused, RefusedRow, json_text
from users.ingestion import partitions, quality
from users.ingestion.cleaning import mend_events, note_refusal
from users.ingestion.cleaning.outliers import JOIN_NORM, note_suspects, suspicion
from users.ingestion.inputs import EventInput
from users.ingestion.references import JOIN_WHO, WHO, add_missing_customers, add_missing_items
from users.ingestion.staging import stage
from users.ingestion.validate import check_event, message_key

BATCH = 20_000  # rows in memory at once

TABLE = "event_staging"
COLUMNS = (
    *(("message_id", "uuid"), ("customer_ref", "text"), ("anonymous_ref", "text"), ("item_ref", "text")),
    ("order_ref", "text"),
    *(("type", "smallint"), ("occurred_at", "timestamptz"), ("quantity", "integer"), ("price", "numeric")),
    *(("currency", "text"), ("value", "double precision"), ("context", "jsonb")),
)

_ORDER, _TIME = ([name for name, _ in COLUMNS].index(wanted) for wanted in ("order_ref", "occurred_at"))

# The ledger decides what is new. Everything is inserted in the order of message ids, so that two clients that send the
# same batch at once wait for each other instead of deadlocking.
INSERT = f"""
WITH fresh AS (
    INSERT INTO users_eventkey (message_id, occurred_at)
    SELECT message_id, occurred_at FROM pg_temp.event_staging ORDER BY message_id
    ON CONFLICT (message_id) DO NOTHING
    RETURNING message_id
), stored AS (
    INSERT INTO users_event (message_id, customer_id, item_id, type, occurred_at, received_at, order_id, quantity,
                             price, currency, value, context, suspect)
    SELECT staged.message_id, {WHO}, item.id, staged.type, staged.occurred_at,
           %s, placed.id, staged.quantity, staged.price, staged.currency, staged.value, staged.context,
           {suspicion("staged")}
    FROM fresh
    JOIN pg_temp.event_staging AS staged USING (message_id)
    {JOIN_WHO}
    LEFT JOIN catalog_item AS item ON item.external_id = staged.item_ref
    LEFT JOIN users_order AS placed ON placed.external_id = staged.order_ref
    {JOIN_NORM}
    RETURNING suspect, message_id, price, quantity
)
SELECT count(*), coalesce(json_agg(json_build_array(suspect, message_id, price::text, quantity))
                          FILTER (WHERE suspect IS NOT NULL), '[]')
FROM stored
"""

# A reference to an order that nobody has sent is left empty.
_UNKNOWN_ORDERS = """
SELECT count(*) FROM pg_temp.event_staging
WHERE order_ref IS NOT NULL AND NOT EXISTS (SELECT FROM users_order WHERE external_id = order_ref)
"""


def ingest_events(*, events: Iterable[EventInput], source: str) -> IngestResult:
    """Store the events that are new; refuse the bad ones with index and reason; keep the good ones.

    Customers and items that are not known yet are created. Works in batches, each in one transaction.
    """
    result = IngestResult()
    rows = iter(events)
    offset = 0
    while batch := list(islice(rows, BATCH)):
        result.add(_ingest_batch(batch, offset=offset, source=source))
        offset += len(batch)
    return result


def _ingest_batch(batch: list[EventInput], *, offset: int, source: str) -> IngestResult:
    now = timezone.now()
    result = IngestResult()
    tally = Tally(source)
    rows: dict[str, tuple[Any, ...]] = {}
    for index, event in enumerate(mend_events(batch, tally), start=offset):
        try:
            row = _row(check_event(event, now), event)
        except Refused as refused:
            result.refused.append(RefusedRow(index, refused.reason, refused.message))
            note_refusal(tally, event, result.refused[-1])
            continue
        if row[0] in rows:
            result.duplicates += 1
        else:
            rows[row[0]] = row
    if rows:
        partitions.make_partitions({partitions.month_of(row[_TIME]) for row in rows.values()})
    with transaction.atomic():
        if rows:
            result.accepted = _insert(list(rows.values()), now, tally)
            result.duplicates += len(rows) - result.accepted
        tally.taken = result.accepted
        tally.rows["duplicate"] += result.duplicates
        quality.save_tally(tally)
    return result


def _row(kind: int, event: EventInput) -> tuple[Any, ...]:
    """The event as a row of `COLUMNS`."""
    who = (event.customer_id or None, event.anonymous_id or None)
    return (
        *(message_key(event.message_id), *who, event.item_id, event.order_id, kind, event.occurred_at, event.quantity),
        *(event.price, event.currency, event.value, json_text(event.context, "context")),
    )


def _insert(rows: list[tuple[Any, ...]], now: datetime, tally: Tally) -> int:
    """Insert staged rows. Returns how many events were new."""
    stage(TABLE, COLUMNS, rows)
    add_missing_customers(TABLE)
    tally.rows["unknown_item"] += add_missing_items(TABLE)
    with connection.cursor() as cursor:
        if any(row[_ORDER] for row in rows):
            cursor.execute(_UNKNOWN_ORDERS)
            tally.rows["unknown_order"] += cursor.fetchone()[0]
        cursor.execute(INSERT, [now])
        new, suspects = cursor.fetchone()
    note_suspects(tally, suspects)
    return int(new)
