"""Events in: each counted once, however often and in whatever order it is sent."""

from collections.abc import Iterable
from itertools import islice
from typing import Any

from django.db import transaction
from django.utils import timezone

from catalog.models import shop_currency
from catalog.tally import Tally
from catalog.validation import IngestResult, Refused, RefusedRow, json_text
from users.ingestion import partitions, quality
from users.ingestion.cleaning import mend_events, note_refusal
from users.ingestion.cleaning.outliers import JUDGED_LINE, note_suspects
from users.ingestion.inputs import EventInput
from users.ingestion.references import UNDESCRIBED, insert_customers
from users.ingestion.staging import arrays, execute_prepared, unnest
from users.ingestion.validate import check_event, message_key
from users.privacy.tombstones import NEWEST_TOMBSTONE, SHUT_ERASURES_OUT, ErasedIds, again_if_erased, find_erased

BATCH = 20_000  # rows in memory at once

_COLUMNS = (
    *(("message_id", "uuid"), ("customer_ref", "text"), ("anonymous_ref", "text"), ("item_ref", "text")),
    ("order_ref", "text"),
    *(("type", "smallint"), ("occurred_at", "timestamptz"), ("quantity", "integer"), ("price", "numeric")),
    *(("currency", "text"), ("value", "double precision"), ("context", "jsonb")),
)
_TIME = [name for name, _ in _COLUMNS].index("occurred_at")
# The parameters behind the columns.
_CURRENCY, _NEWEST, _DAY, _SOURCE = (f"${len(_COLUMNS) + place}" for place in range(1, 5))


def _found(created: str, id_column: str, ref: str) -> str:
    """The id of a row that the statement has just created, out of a map that is made only when it is needed."""
    return f"((SELECT jsonb_object_agg({id_column}, id) FROM {created}) ->> {ref})::bigint"


# One statement. Whom and what nobody has described yet is created on the way; of those that another client creates at
# the same moment the id comes back too, because DO UPDATE returns the other's row. The ledger decides what is new.
#
# Every step is made to wait for the one before (`count(*) >= 0`) and works in the order of its key, so that two clients
# that send the same batch at once wait for each other instead of deadlocking. The plan is kept, so nothing in it may
# depend on how many rows there are: look-ups go through indexes, maps and hashes (`IS TRUE` avoids a join).
_STORE = f"""
WITH staged AS MATERIALIZED (
    SELECT *,
        (SELECT coalesce(merged_into_id, id) FROM users_customer WHERE external_id = customer_ref) AS known_id,
        CASE WHEN customer_ref IS NULL THEN (
            SELECT coalesce(merged_into_id, id) FROM users_customer WHERE anonymous_id = anonymous_ref
        ) END AS visitor_id,
        (SELECT id FROM catalog_item WHERE external_id = item_ref) AS item_id,
        (SELECT id FROM users_order WHERE external_id = order_ref) AS placed_id
    FROM {unnest(_COLUMNS)} WHERE {NEWEST_TOMBSTONE} = {_NEWEST}
), new_customer AS (
    {insert_customers("external_id")}
    SELECT DISTINCT customer_ref, {UNDESCRIBED} FROM staged
    WHERE customer_ref IS NOT NULL AND known_id IS NULL ORDER BY customer_ref
    ON CONFLICT (external_id) DO UPDATE SET external_id = excluded.external_id
    RETURNING external_id, coalesce(merged_into_id, id) AS id
), new_visitor AS (
    {insert_customers("anonymous_id")}
    SELECT DISTINCT anonymous_ref, {UNDESCRIBED} FROM staged
    WHERE customer_ref IS NULL AND visitor_id IS NULL AND (SELECT count(*) FROM new_customer) >= 0
    ORDER BY anonymous_ref
    ON CONFLICT (anonymous_id) DO UPDATE SET anonymous_id = excluded.anonymous_id
    RETURNING anonymous_id, coalesce(merged_into_id, id) AS id
), new_item AS (
    INSERT INTO catalog_item (external_id, title, description, brand, currency, is_active, is_repurchasable, url,
                              image_url, attributes, created_at, updated_at)
    SELECT DISTINCT item_ref, item_ref, '', '', {_CURRENCY}, FALSE, TRUE, '', '', '{{}}'::jsonb, now(), now()
    FROM staged
    WHERE item_ref IS NOT NULL AND item_id IS NULL AND (SELECT count(*) FROM new_visitor) >= 0 ORDER BY item_ref
    ON CONFLICT (external_id) DO UPDATE SET external_id = excluded.external_id
    RETURNING external_id, id, xmax = 0 AS is_new
), fresh AS (
    INSERT INTO users_eventkey (message_id, occurred_at)
    SELECT message_id, occurred_at FROM staged WHERE (SELECT count(*) FROM new_item) >= 0 ORDER BY message_id
    ON CONFLICT (message_id) DO NOTHING
    RETURNING message_id
), stored AS (
    INSERT INTO users_event (message_id, customer_id, item_id, type, occurred_at, received_at, order_id, quantity,
                             price, currency, value, context, suspect)
    SELECT message_id,
           coalesce(known_id, visitor_id, {_found("new_customer", "external_id", "customer_ref")},
                    {_found("new_visitor", "anonymous_id", "anonymous_ref")}),
           coalesce(item_id, {_found("new_item", "external_id", "item_ref")}),
           type, occurred_at, now(), placed_id, quantity, price, currency, value, context, {JUDGED_LINE}
    FROM staged WHERE (message_id IN (SELECT message_id FROM fresh)) IS TRUE
    RETURNING suspect, message_id, price, quantity
), counted AS ({quality.add_taken(day=_DAY, source=_SOURCE, rows="count(*) FROM stored")}
)
SELECT {NEWEST_TOMBSTONE},
       (SELECT count(*) FROM stored),
       (SELECT count(*) FROM new_item WHERE is_new),
       (SELECT count(*) FROM staged WHERE order_ref IS NOT NULL AND placed_id IS NULL),
       (SELECT json_agg(json_build_array(suspect, message_id, price::text, quantity)) FROM stored
        WHERE suspect IS NOT NULL)
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
def _ingest_batch(batch: list[EventInput], *, offset: int, source: str) -> IngestResult | None:
    now = timezone.now()
    result = IngestResult()
    erased = find_erased(
        customer_ids=(event.customer_id for event in batch), anonymous_ids=(event.anonymous_id for event in batch)
    )
    tally = Tally(source)
    rows: dict[str, tuple[Any, ...]] = {}
    for index, event in enumerate(mend_events(batch, tally), start=offset):
        try:
            row = _row(check_event(event, now), event)
            erased.check(event.customer_id, event.anonymous_id)
        except Refused as refused:
            result.refused.append(RefusedRow(index, refused.reason, refused.message))
            note_refusal(tally, event, result.refused[-1])
            continue
        if row[0] in rows:
            result.duplicates += 1
        else:
            rows[row[0]] = row
    with transaction.atomic(savepoint=False):
        if rows:
            accepted = _store(list(rows.values()), erased, tally)
            if accepted is None:
                return None
            result.accepted = accepted
            result.duplicates += len(rows) - accepted
        tally.rows["duplicate"] += result.duplicates
        quality.save_tally(tally)
    return result


def _row(kind: int, event: EventInput) -> tuple[Any, ...]:
    """The event as a row of `_COLUMNS`."""
    return (
        *(message_key(event.message_id), event.customer_id or None, event.anonymous_id or None, event.item_id),
        *(event.order_id, kind, event.occurred_at, event.quantity),
        *(event.price, event.currency, event.value, json_text(event.context, "context")),
    )


def _store(rows: list[tuple[Any, ...]], erased: ErasedIds, tally: Tally) -> int | None:
    """Store and count the rows that are new; what is odd about them is noted in `tally`.

    Returns how many, or None, and nothing is stored, if somebody was erased since `erased` was looked up.
    """
    times = [row[_TIME] for row in rows]
    months = {partitions.month_of(min(times)), partitions.month_of(max(times))}
    partitions.make_partitions(months if len(months) == 1 else map(partitions.month_of, times))
    parameters = [
        *arrays(_COLUMNS, rows),
        *(
            ("text", shop_currency()),
            ("bigint", erased.newest),
            ("date", quality.today()),
            ("text", quality.source_name(tally)),
        ),
    ]
    newest, stored, new_items, lost_orders, suspects = execute_prepared(
        "store_events", _STORE, parameters, after=SHUT_ERASURES_OUT
    )
    if not erased.holds(newest):
        return None
    tally.rows.update(unknown_item=new_items, unknown_order=lost_orders)
    note_suspects(tally, suspects or ())
    return int(stored)
