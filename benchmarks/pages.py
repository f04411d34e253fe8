"""The recommendations' endpoint as it is served in production, at a steady rate: how long its answers take.

BENCH_PAGES_SECONDS (10; 60 for the whole) and BENCH_PAGES_RATE (100 a second). Requests leave on time, whether or not
the ones before have been answered, so that a slow answer does not hide behind the client's patience.
"""

import gc
import http.client
import os
import random
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from django.db import connection
from rich.console import Console
from rich.table import Table

from benchmarks.http_ingestion import serve
from catalog.models import Item
from recommendations.choices import ShelfKind
from recommendations.models import ItemLinks, ModelVersion, Recommendation, Shelf, TrainingRun
from users.api_keys import create_api_key
from users.choices import ApiScope
from users.ingestion import EventInput, ingest_events
from users.models import Customer

SECONDS = float(os.environ.get("BENCH_PAGES_SECONDS", "10"))
RATE = float(os.environ.get("BENCH_PAGES_RATE", "100"))
CUSTOMERS, ITEMS = 2_000, 5_000
MONTHS, MONTH = 24, timedelta(days=30)
CLIENTS = 16


def run() -> None:
    """Measure and print."""
    _shop()
    _, key = create_api_key(name=f"bench {uuid.uuid4()}", scope=ApiScope.SERVER)
    gc.freeze()  # the generator's own pauses are not the server's
    with serve("config.settings") as (port, _):
        _send(port, key, 2.0)
        times = sorted(_send(port, key, SECONDS))
    table = Table(title=f"GET customers/…/recommendations/ at {RATE:.0f}/s for {SECONDS:.0f} s", title_justify="left")
    for column in ("answers", "p50 ms", "p90 ms", "p99 ms", "longest ms"):
        table.add_column(column, justify="right")
    figures = (times[min(int(len(times) * share), len(times) - 1)] * 1000 for share in (0.5, 0.9, 0.99, 1.0))
    table.add_row(f"{len(times):,}", *(f"{figure:.1f}" for figure in figures))
    Console().print(table)


def _send(port: int, key: str, seconds: float) -> list[float]:
    """Seconds from when each request was due to its whole answer."""
    lines = [http.client.HTTPConnection("127.0.0.1", port, timeout=30) for _ in range(CLIENTS)]
    began = time.perf_counter() + 0.1

    def ask(client: int) -> list[float]:
        chance, taken = random.Random(client), []
        for number in range(client, int(seconds * RATE), CLIENTS):
            due = began + number / RATE
            time.sleep(max(0.0, due - time.perf_counter()))
            path = f"/api/v1/customers/c{chance.randrange(CUSTOMERS)}/recommendations/"
            lines[client].request("GET", path, headers={"Authorization": f"Bearer {key}"})
            answer = lines[client].getresponse()
            if not answer.read().startswith(b"[{") or answer.status != 200:
                raise RuntimeError(f"{path}: {answer.status}")
            taken.append(time.perf_counter() - due)
        return taken

    with ThreadPoolExecutor(CLIENTS) as pool:
        return [taken for client in pool.map(ask, range(CLIENTS)) for taken in client]


def _shop() -> None:
    """Customers with two years of orders, stored rows and news since; items with neighbours; shelves."""
    chance, now = random.Random(1), datetime.now(UTC)
    Item.objects.bulk_create(
        [Item(external_id=f"p{n}", title=f"Product {n}", price=n % 90 + 1, currency="EUR") for n in range(ITEMS)]
    )
    events = [
        EventInput(f"page-{c}-{n}", "view", now - timedelta(minutes=n), f"c{c}", f"p{chance.randrange(ITEMS)}")
        for c in range(CUSTOMERS)
        for n in range(5)
    ]
    bought = [
        EventInput(
            f"order-{c}-{month}", "purchase", now - month * MONTH, f"c{c}", f"p{chance.randrange(ITEMS)}", quantity=1
        )
        for c in range(CUSTOMERS)
        for month in range(1, MONTHS + 1)
    ]
    ingest_events(events=events + bought, source="bench")
    items = list(Item.objects.filter(external_id__startswith="p").values_list("pk", flat=True))
    run_ = TrainingRun.objects.create(architecture="popularity")
    version = ModelVersion.objects.create(training_run=run_, architecture="popularity", artefact="models/bench")
    scored = now - timedelta(hours=1)
    Recommendation.objects.bulk_create(
        Recommendation(
            customer_id=customer,
            model_version=version,
            item_ids=chance.sample(items, 50),
            scores=[1.0] * 50,
            reason_item_ids=chance.choices(items, k=50),
            bought_before=[False] * 50,
            scored_at=scored,
        )
        for customer in Customer.objects.filter(external_id__startswith="c").values_list("pk", flat=True)
    )
    Shelf.objects.bulk_create(
        Shelf(kind=kind, item_ids=chance.sample(items, 100), buyers=[1] * 100, computed_at=scored) for kind in ShelfKind
    )
    ItemLinks.objects.bulk_create(
        ItemLinks(
            item_id=item,
            similar_ids=chance.sample(items, 50),
            similarities=[0.5] * 50,
            together_ids=[],
            lifts=[],
            orders=[],
            buyers=9,
            computed_at=scored,
        )
        for item in items
    )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
