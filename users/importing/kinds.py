"""What can be imported: for each kind its row type and the service that takes the rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from catalog.services import ItemInput, upsert_items
from catalog.validation import IngestResult
from users.ingestion import (
    CustomerInput,
    EventInput,
    OrderInput,
    ingest_customers,
    ingest_events,
    ingest_orders,
)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of row. `own_id` is derived from the row's content where the file does not give it."""

    row: type
    ingest: Callable[[Sequence[Any], str], IngestResult]
    own_id: str | None = None


KINDS: dict[str, Kind] = {
    "customers": Kind(CustomerInput, lambda rows, source: ingest_customers(customers=rows, source=source)),
    "items": Kind(ItemInput, lambda rows, source: upsert_items(items=rows, source=source)),
    "events": Kind(EventInput, lambda rows, source: ingest_events(events=rows, source=source), own_id="message_id"),
    "orders": Kind(OrderInput, lambda rows, source: ingest_orders(orders=rows, source=source)),
}
