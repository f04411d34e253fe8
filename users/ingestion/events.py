"""Events in: each counted once, however often and in whatever order it is sent."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from itertools import islice
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from catalog.validation import IngestResult, Refused, RefusedRow, json_text
from users.ingestion import partitions, quality
from users.ingestion.inputs import EventInput
from users.ingestion.references import JOIN_WHO, WHO, add_missing_customers, add_missing_items
from users.ingestion.staging import stage
from users.ingestion.validate import check_event, message_key
from users.privacy.tombstones import again_if_erased, find_erased

BATCH = 20_000  # rows in memory at once

TABLE = "event_staging"
COLUMNS = (
    *(("message_id", "uuid"), ("customer_ref", "text"), ("anonymous_ref", "text"), ("item_ref", "text")),
    ("order_ref", "text"),
    *(("type", "smallint"), ("occurred_at", "timestamptz"), ("quantity", "integer"), ("price", "numeric")),
    *(("currency", "text"), ("value", "double precision"), ("context", "jsonb")),
)

_TIME = [name for name, _ in COLUMNS].index("occurred_at")

# The ledger decides what is new. Everything is inserted in the order of message ids, so that two clients that send the
# same batch at once wait for each other instead of deadlocking.
INSERT = f"""
WITH fresh AS (
    INSERT INTO users_eventkey (message_id, occurred_at)
    SELECT message_id, occurred_at FROM pg_temp.event_staging ORDER BY message_id
    ON CONFLICT (message_id) DO NOTHING
    RETURNING message_id
)
INSERT INTO users_event (message_id, customer_id, item_id, type, occurred_at, received_at, order_id, quantity, price,
                         currency, value, context)
SELECT staged.message_id, {WHO}, item.id, staged.type, staged.occurred_at,
       %s, placed.id, staged.quantity, staged.price, staged.currency, staged.value, staged.context
FROM fresh
JOIN pg_temp.event_staging AS staged USING (message_id)
{JOIN_WHO}
LEFT JOIN catalog_item AS item ON item.external_id = staged.item_ref
LEFT JOIN users_order AS placed ON placed.external_id = staged.order_ref
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


@again_if_erased
def _ingest_batch(batch: list[EventInput], *, offset: int, source: str) -> IngestResult:
    now = timezone.now()
    result = IngestResult()
    erased = find_erased(
        customer_ids=(event.customer_id for event in batch), anonymous_ids=(event.anonymous_id for event in batch)
    )
    rows: dict[str, tuple[Any, ...]] = {}
    for index, event in enumerate(batch, start=offset):
        try:
            row = _row(check_event(event, now), event)
            erased.check(event.customer_id, event.anonymous_id)
        except Refused as refused:
            result.refused.append(RefusedRow(index, refused.reason, refused.message))
            continue
        if row[0] in rows:
            result.duplicates += 1
        else:
            rows[row[0]] = row
    if rows:
        partitions.make_partitions({partitions.month_of(row[_TIME]) for row in rows.values()})
    with transaction.atomic():
        erased.hold()
        if rows:
            inserted, unknown_items = _insert(list(rows.values()), now)
            result.accepted += inserted
            result.duplicates += len(rows) - inserted
        else:
            unknown_items = 0
        reasons = Counter(row.reason for row in result.refused)
        reasons.update(duplicate=result.duplicates, unknown_item=unknown_items)
        quality.count_rows(source=source, reasons=reasons)
    return result


def _row(kind: int, event: EventInput) -> tuple[Any, ...]:
    """The event as a row of `COLUMNS`."""
    who = (event.customer_id or None, event.anonymous_id or None)
    return (
        *(message_key(event.message_id), *who, event.item_id, event.order_id, kind, event.occurred_at, event.quantity),
        *(event.price, event.currency, event.value, json_text(event.context, "context")),
    )


def _insert(rows: list[tuple[Any, ...]], now: datetime) -> tuple[int, int]:
    """Insert staged rows. Returns how many events, and how many items, were new."""
    stage(TABLE, COLUMNS, rows)
    add_missing_customers(TABLE)
    unknown_items = add_missing_items(TABLE)
    with connection.cursor() as cursor:
        cursor.execute(INSERT, [now])
        return cursor.rowcount, unknown_items
