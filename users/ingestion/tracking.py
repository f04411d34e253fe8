"""Take in the batch of a tracking client, in one transaction: identities first, then what they did."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db import transaction

from catalog.validation import IngestResult, Refused, RefusedRow
from users.ingestion import quality
from users.ingestion.cleaning import mend_id
from users.ingestion.customers import ingest_customers
from users.ingestion.events import ingest_events
from users.ingestion.identities import identify, merge_customers
from users.ingestion.inputs import CustomerInput, EventInput, OrderInput
from users.ingestion.orders import change_order_statuses, ingest_orders


@dataclass(slots=True)
class TrackingBatch:
    """What a batch of messages means. Pairs are (anonymous id, customer id), (previous id, customer id) and (order id,
    new status).
    """

    identities: list[tuple[str, str]] = field(default_factory=list)
    aliases: list[tuple[str, str]] = field(default_factory=list)
    customers: list[CustomerInput] = field(default_factory=list)
    orders: list[OrderInput] = field(default_factory=list)
    order_changes: list[tuple[str, str]] = field(default_factory=list)
    events: list[EventInput] = field(default_factory=list)


def ingest_tracking(*, batch: TrackingBatch, source: str, refused: Sequence[RefusedRow] = ()) -> IngestResult:
    """Store the batch whole, less the single rows that are refused. The result counts rows, not messages.

    `refused` are messages that could not be translated; they are counted with the rest.
    """
    result = IngestResult()
    lost = Counter(row.reason for row in refused)
    with transaction.atomic():
        for pair in sorted({(mend_id(anonymous), mend_id(customer)) for anonymous, customer in batch.identities}):
            with _counting(lost):
                identify(pairs=[pair])
        for previous_id, external_id in batch.aliases:
            with _counting(lost):
                merge_customers(previous_id=mend_id(previous_id), external_id=mend_id(external_id))
        result.add(ingest_customers(customers=batch.customers, source=source))
        result.add(ingest_orders(orders=batch.orders, source=source))
        result.add(ingest_events(events=batch.events, source=source))
        change_order_statuses(changes=batch.order_changes)
        quality.count_rows(source=source, reasons=lost)
    return result


@contextmanager
def _counting(lost: Counter[str]) -> Iterator[None]:
    """Count a refused row instead of failing."""
    try:
        yield
    except Refused as refused:
        lost[refused.reason] += 1
