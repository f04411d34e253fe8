"""Events in and out: the services against the bare SQL that they rest on, into the same tables and indexes."""

import io
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.db import connection, transaction
from rich.console import Console
from rich.table import Table

from catalog.models import Item
from recommendations.export import export_interactions
from users.ingestion import EventInput, ingest_events
from users.ingestion.validate import message_key
from users.models import Customer
from users.profiles import refresh_profiles

EVENTS = 200_000
CUSTOMERS = 20_000
ITEMS = 5_000
BATCH = 20_000
START = datetime(2026, 1, 1, tzinfo=UTC)


def run() -> None:
    """Measure and print."""
    ingest_events(
        events=_events("warm-up", CUSTOMERS), source="bench"
    )  # customers, items, partitions exist from here on
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    prepared = _prepared("floor"), _prepared("floor with ledger")
    events = _events("service", EVENTS)
    floor = _rate(lambda: _floor(prepared[0], _INSERT))
    ledger = _rate(lambda: _floor(prepared[1], _INSERT_WITH_LEDGER))
    service = _rate(lambda: ingest_events(events=events, source="bench"))
    stored = 3 * EVENTS + CUSTOMERS
    exported = _rate(export_interactions, rows=stored)
    refreshed = _rate(refresh_profiles, rows=stored)
    table = Table(title=f"Events, rows/s ({EVENTS:,} events of {CUSTOMERS:,} customers)", title_justify="left")
    for column in ("what", "rows/s", "of the floor"):
        table.add_column(column, justify="left" if column == "what" else "right")
    table.add_row("floor: COPY + INSERT … SELECT … ON CONFLICT, ids resolved", f"{floor:,.0f}", "100%")
    table.add_row("the same with the ledger of message ids", f"{ledger:,.0f}", f"{ledger / floor:.0%}")
    table.add_row("ingest_events: validated, deduplicated, counted", f"{service:,.0f}", f"{service / floor:.0%}")
    table.add_row("export_interactions: binary COPY to arrays", f"{exported:,.0f}", "")
    table.add_row("refresh_profiles: one statement", f"{refreshed:,.0f}", "")
    Console().print(table)


def _rate(work: Callable[[], object], *, rows: int = EVENTS) -> float:
    started = time.perf_counter()
    work()
    return rows / (time.perf_counter() - started)


def _events(name: str, count: int) -> list[EventInput]:
    """Views of three months. The warm-up names every customer and item once."""
    chance = random.Random(name)
    return [
        EventInput(
            message_id=f"{name}-{number}",
            type="view",
            occurred_at=START + timedelta(seconds=chance.randrange(90 * 86_400)),
            customer_id=f"c{number % CUSTOMERS if name == 'warm-up' else chance.randrange(CUSTOMERS)}",
            item_id=f"i{number % ITEMS if name == 'warm-up' else chance.randrange(ITEMS)}",
            price=Decimal("9.50"),
            currency="EUR",
        )
        for number in range(count)
    ]


_COLUMNS = "message_id, customer_id, item_id, type, occurred_at, received_at, price, currency"
_INSERT = f"INSERT INTO users_event ({_COLUMNS}) SELECT {_COLUMNS} FROM floor ON CONFLICT DO NOTHING"
_INSERT_WITH_LEDGER = f"""
    WITH fresh AS (
        INSERT INTO users_eventkey (message_id, occurred_at) SELECT message_id, occurred_at FROM floor
        ON CONFLICT (message_id) DO NOTHING RETURNING message_id
    )
    INSERT INTO users_event ({_COLUMNS}) SELECT {_COLUMNS} FROM fresh JOIN floor USING (message_id)
"""


def _prepared(name: str) -> list[str]:
    """The events of a floor as COPY takes them, references resolved: nothing is left to do but to store them."""
    customers = dict(Customer.objects.values_list("external_id", "pk"))
    items = dict(Item.objects.values_list("external_id", "pk"))
    lines = [
        f"{message_key(event.message_id)}\t{customers[event.customer_id]}\t{items[event.item_id or '']}\t1\t"
        f"{event.occurred_at}\t{START}\t{event.price}\t{event.currency}\n"
        for event in _events(name, EVENTS)
    ]
    return ["".join(lines[start : start + BATCH]) for start in range(0, EVENTS, BATCH)]


def _floor(batches: list[str], insert: str) -> None:
    """What the same rows cost at least: COPY into a temporary table, and one INSERT … SELECT … ON CONFLICT."""
    for batch in batches:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"CREATE TEMPORARY TABLE floor ON COMMIT DROP AS SELECT {_COLUMNS} FROM users_event LIMIT 0")
            cursor.cursor.copy_expert(f"COPY floor ({_COLUMNS}) FROM STDIN", io.StringIO(batch))
            cursor.execute(insert)
