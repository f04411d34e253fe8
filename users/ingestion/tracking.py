"""Take in the batch of a tracking client, in one transaction: identities first, then what they did."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from django.db import connection, transaction

from catalog.validation import IngestResult, Refused, RefusedRow
from users.ingestion import partitions, quality
from users.ingestion.customers import ingest_customers
from users.ingestion.events import ingest_events
from users.ingestion.identities import hold_people, identify, merge_customers
from users.ingestion.inputs import CustomerInput, EventInput, OrderChangeInput, OrderInput
from users.ingestion.order_changes import keep_changes, lock_orders, settle_orders
from users.ingestion.orders import ingest_orders
from users.ingestion.validate import message_key

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Source:
    """The message that a row was read from: its place in the batch, its id, and its time."""

    index: int
    message_id: str
    time: datetime


@dataclass(slots=True)
class TrackingBatch:
    """What a batch of messages means, each row with the message that said it.

    Identities are (anonymous id, customer id), aliases (previous id, customer id). Changes of orders are checked.
    """

    identities: list[tuple[Source, tuple[str, str]]] = field(default_factory=list)
    aliases: list[tuple[Source, tuple[str, str]]] = field(default_factory=list)
    customers: list[tuple[Source, CustomerInput]] = field(default_factory=list)
    orders: list[tuple[Source, OrderInput]] = field(default_factory=list)
    order_changes: list[tuple[Source, OrderChangeInput]] = field(default_factory=list)
    events: list[tuple[Source, EventInput]] = field(default_factory=list)
    corrected: Counter[str] = field(default_factory=Counter)


def ingest_tracking(
    *, batch: TrackingBatch, source: str, refused: Iterable[RefusedRow] = (), trusted: bool = False
) -> IngestResult:
    """Store the batch whole, less the single rows that are refused.

    The result counts rows, and names the messages of those that are `refused`.
    `refused` are messages that could not be translated; they are counted and returned with the rest. A `trusted` caller
    may join two customers.
    """
    result = IngestResult(refused=list(refused))
    # Outside the transaction, because a new partition locks the table, which others may hold that wait for us.
    partitions.make_partitions({partitions.month_of(origin.time) for origin, _ in (*batch.events, *batch.orders)})
    with transaction.atomic():
        if batch.orders or batch.order_changes:
            lock_orders(changing=bool(batch.order_changes))
        _drop_known_statements(batch)
        hold_people(**_people(batch), joining=bool(batch.identities or batch.aliases))
        _join(batch, result.refused, trusted=trusted)
        quality.count_rows(source=source, reasons=batch.corrected + Counter(row.reason for row in result.refused))
        _store(result, batch.customers, lambda rows: ingest_customers(customers=rows, source=source))
        _store(result, batch.orders, lambda rows: ingest_orders(orders=rows, source=source))
        _store(result, batch.events, lambda rows: ingest_events(events=rows, source=source))
        changes = [change for _, change in batch.order_changes]
        keep_changes(changes=changes)
        result.accepted += len(settle_orders(order_ids={change.order_id for change in changes}))
    result.refused.sort(key=lambda row: row.index)
    return result


def _drop_known_statements(batch: TrackingBatch) -> None:
    """Drop what messages that were counted before say of people and orders; put the rest in the order of their times.

    Their ids go into the ledger of events, so that a late retry cannot bring back what has changed since.
    """
    people: list[list[Any]] = [batch.identities, batch.aliases, batch.customers]
    statements = [*people, batch.orders, batch.order_changes]
    said = {message_key(origin.message_id): origin for rows in statements for origin, _ in reversed(rows)}
    if not said:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO users_eventkey (message_id, occurred_at)
            SELECT message_id, said_at FROM unnest(%s::uuid[], %s::timestamptz[]) AS said (message_id, said_at)
            ORDER BY message_id ON CONFLICT (message_id) DO NOTHING
            RETURNING replace(message_id::text, '-', '')
            """,
            [list(said), [origin.time for origin in said.values()]],
        )
        fresh = {said[key].index for (key,) in cursor.fetchall()}
    for rows in statements:
        kept = (row for row in rows if row[0].index in fresh)
        rows[:] = sorted(kept, key=lambda row: (row[0].time, row[0].message_id))


def _people(batch: TrackingBatch) -> dict[str, set[str]]:
    """Every customer and visitor that the batch names."""
    rows = [row for rows in (batch.customers, batch.orders, batch.events) for _, row in rows]
    external_ids = {row.external_id if isinstance(row, CustomerInput) else row.customer_id for row in rows}
    anonymous_ids = {row.anonymous_id for row in rows}
    for pairs in (batch.identities, batch.aliases):
        for _, (visitor, customer) in pairs:
            anonymous_ids.add(visitor)
            external_ids |= {visitor, customer}
    return {"external_ids": external_ids - {""}, "anonymous_ids": anonymous_ids - {""}}


def _join(batch: TrackingBatch, lost: list[RefusedRow], *, trusted: bool) -> None:
    """Join who is the same; what is refused is added to `lost`."""
    for origin, pair in batch.identities:
        with _refusing(lost, origin):
            identify(pairs=[pair])
    for origin, (previous_id, external_id) in batch.aliases:
        with _refusing(lost, origin):
            merge_customers(previous_id=previous_id, external_id=external_id, trusted=trusted)


@contextmanager
def _refusing(lost: list[RefusedRow], origin: Source) -> Iterator[None]:
    """Note a refused row instead of failing."""
    try:
        yield
    except Refused as refused:
        lost.append(RefusedRow(origin.index, refused.reason, refused.message))


def _store(
    result: IngestResult, rows: Sequence[tuple[Source, Row]], ingest: Callable[[Iterable[Row]], IngestResult]
) -> None:
    """Ingest the rows; what is refused is known by its message."""
    stored = ingest(row for _, row in rows)
    for row in stored.refused:
        result.refused.append(replace(row, index=rows[row.index][0].index))
    result.accepted += stored.accepted
    result.duplicates += stored.duplicates
