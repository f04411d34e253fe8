"""Events in and out: the services against the bare SQL that they rest on, into the same tables and indexes."""

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.db import connection, transaction
from rich.console import Console
from rich.table import Table

from recommendations.export import export_interactions
from users.ingestion import EventInput, ingest_events
from users.ingestion import events as pipeline
from users.ingestion.partitions import make_partitions, month_of
from users.ingestion.staging import stage
from users.ingestion.validate import message_key
from users.profiles import refresh_profiles

EVENTS = 200_000
CUSTOMERS = 20_000
ITEMS = 5_000
BATCH = 20_000
START = datetime(2026, 1, 1, tzinfo=UTC)


def run() -> None:
    """Measure and print."""
    ingest_events(events=_events("warm-up", BATCH), source="bench")  # tables, partitions and caches exist from here on
    floor = _rate(_floor, "floor")
    service = _rate(lambda name: ingest_events(events=_events(name, EVENTS), source="bench"), "service")
    exported = _rate(lambda _name: export_interactions(), "export", rows=2 * EVENTS + BATCH)
    refreshed = _rate(lambda _name: refresh_profiles(), "profiles", rows=2 * EVENTS + BATCH)
    table = Table(title=f"Events, rows/s ({EVENTS:,} events of {CUSTOMERS:,} customers)", title_justify="left")
    for column in ("what", "rows/s", "of the floor"):
        table.add_column(column, justify="left" if column == "what" else "right")
    table.add_row("floor: COPY + INSERT … SELECT … ON CONFLICT", f"{floor:,.0f}", "100%")
    table.add_row("ingest_events: validated, deduplicated, counted", f"{service:,.0f}", f"{service / floor:.0%}")
    table.add_row("export_interactions: binary COPY to arrays", f"{exported:,.0f}", "")
    table.add_row("refresh_profiles: one statement", f"{refreshed:,.0f}", "")
    Console().print(table)


def _rate(work: Callable[[str], object], name: str, *, rows: int = EVENTS) -> float:
    started = time.perf_counter()
    work(name)
    return rows / (time.perf_counter() - started)


def _events(name: str, count: int) -> list[EventInput]:
    chance = random.Random(name)
    return [
        EventInput(
            message_id=f"{name}-{number}",
            type="view",
            occurred_at=START + timedelta(seconds=chance.randrange(90 * 86_400)),
            customer_id=f"c{chance.randrange(CUSTOMERS)}",
            item_id=f"i{chance.randrange(ITEMS)}",
            price=Decimal("9.50"),
            currency="EUR",
        )
        for number in range(count)
    ]


def _floor(name: str) -> None:
    """The same rows, prepared beforehand as far as SQL allows: no validation, no refusals, no counters."""
    events = _events(name, EVENTS)
    make_partitions({month_of(event.occurred_at) for event in events})
    for start in range(0, EVENTS, BATCH):
        rows = [
            (
                *(message_key(event.message_id), event.customer_id, None, event.item_id, None, 1, event.occurred_at),
                *(None, event.price, event.currency, None, None),
            )
            for event in events[start : start + BATCH]
        ]
        with transaction.atomic(), connection.cursor() as cursor:
            stage(pipeline.TABLE, pipeline.COLUMNS, rows)
            cursor.execute(pipeline.INSERT, [START])
