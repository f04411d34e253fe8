"""Events over HTTP: the API as it is served in production, beside a minimal DRF endpoint, on the same machine.

Server, database and load generator share the machine's cores. Each batch holds 100 events of the last hour.
"""

import http.client
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
from django.db import connection
from rich.console import Console
from rich.table import Table

from benchmarks.load import Outcome, request, send
from catalog.models import Item
from users.api_keys import create_api_key
from users.choices import ApiScope
from users.ingestion import EventInput, ingest_events
from users.models import Customer, Event

BATCH = 100
BATCHES = 1_000
WARM_UP = 100
CONNECTIONS = 8
CUSTOMERS = 20_000
ITEMS = 5_000
SERVER = ("--workers", "2", "--threads", "4", "--access-logfile", "-")  # as `make demo` starts it


def run() -> None:
    """Measure and print."""
    now = datetime.now(UTC)
    known = [EventInput(f"known-{n}", "view", now, f"c{n}", item_id=f"i{n % ITEMS}") for n in range(CUSTOMERS)]
    ingest_events(events=known, source="bench")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    table = Table(
        title=f"Events over HTTP: {psutil.cpu_count()} cores for server, database and load generator; "
        f"batches of {BATCH}, {CONNECTIONS} connections",
        title_justify="left",
        caption="µs: CPU time for one event",
    )
    for column in ("what", "events/s", "of the peer", "p50 ms", "p99 ms", "server µs", "database µs", "generator µs"):
        table.add_column(column, justify="left" if column == "what" else "right")
    peer = _measure(table, "minimal DRF endpoint, bulk_create", _minimal_requests(now), "benchmarks.minimal_settings")
    _measure(table, "POST /api/v1/events/: all checks, Idempotency-Key", _requests(now), "config.settings", peer)
    Console().print(table)


def _measure(table: Table, what: str, requests: list[bytes], settings: str, peer: float | None = None) -> float:
    with serve(settings) as (port, server):
        send(requests[:WARM_UP], port=port, connections=CONNECTIONS)
        before = Event.objects.count()
        database = _postmaster()
        cpu = _cpu(server), _cpu(database)
        outcome = send(requests[WARM_UP:], port=port, connections=CONNECTIONS)
        used = (_cpu(server) - cpu[0], _cpu(database) - cpu[1], outcome.cpu)
    _check(outcome, len(requests) - WARM_UP, Event.objects.count() - before)
    rate = outcome.accepted / outcome.seconds
    outcome.latencies.sort()
    p50, p99 = (1000 * outcome.latencies[int(len(outcome.latencies) * share)] for share in (0.5, 0.99))
    table.add_row(
        *(what, f"{rate:,.0f}", f"{rate / peer:.0%}" if peer else "100%", f"{p50:.0f}", f"{p99:.0f}"),
        *(f"{1e6 * seconds / outcome.accepted:.0f}" for seconds in used),
    )
    return rate


def _check(outcome: Outcome, batches: int, stored: int) -> None:
    """A figure counts only if every event was answered for and is there."""
    if dict(outcome.statuses) != {200: batches} or not outcome.accepted == stored == batches * BATCH:
        raise RuntimeError(f"{outcome.statuses}, {outcome.accepted} accepted, {stored} stored: something was lost")


def _requests(now: datetime) -> list[bytes]:
    _, key = create_api_key(name=f"bench {uuid.uuid4()}", scope=ApiScope.SERVER)
    chance = random.Random(1)

    def event() -> dict[str, object]:
        return {
            "message_id": str(uuid.uuid4()),
            "type": chance.choice(("view", "view", "view", "add_to_cart", "purchase")),
            "occurred_at": (now - timedelta(seconds=chance.randrange(3600))).isoformat(),
            "customer_id": f"c{chance.randrange(CUSTOMERS)}",
            "item_id": f"i{chance.randrange(ITEMS)}",
            "price": "9.50",
            "currency": "EUR",
            "context": {"page": f"/p/{chance.randrange(ITEMS)}", "device": "phone"},
        }

    return [
        request(
            "/api/v1/events/",
            [event() for _ in range(BATCH)],
            headers={"Authorization": f"Bearer {key}", "Idempotency-Key": str(uuid.uuid4())},
        )
        for _ in range(WARM_UP + BATCHES)
    ]


def _minimal_requests(now: datetime) -> list[bytes]:
    customers = list(Customer.objects.values_list("pk", flat=True)[:CUSTOMERS])
    items = list(Item.objects.values_list("pk", flat=True)[:ITEMS])
    chance = random.Random(2)

    def event() -> dict[str, object]:
        return {
            "message_id": str(uuid.uuid4()),
            "type": 1,
            "occurred_at": (now - timedelta(seconds=chance.randrange(3600))).isoformat(),
            "customer_id": chance.choice(customers),
            "item_id": chance.choice(items),
            "price": "9.50",
            "currency": "EUR",
            "context": {"page": f"/p/{chance.randrange(ITEMS)}", "device": "phone"},
        }

    return [request("/events/", [event() for _ in range(BATCH)], headers={}) for _ in range(WARM_UP + BATCHES)]


@contextmanager
def serve(settings: str) -> Iterator[tuple[int, psutil.Process]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": settings, "API_RATE_LIMIT": "1000000"}
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{port}", *SERVER],
            env=environment,
            stdout=log,
            stderr=log,
        )
        try:
            _wait(port)
            yield port, psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(30)


def _wait(port: int) -> None:
    for _ in range(200):
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            line.request("GET", "/healthz")
            line.getresponse()
        except OSError:
            time.sleep(0.1)
        else:
            return
        finally:
            line.close()
    raise RuntimeError("gunicorn did not start")


def _postmaster() -> psutil.Process:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return psutil.Process(cursor.fetchone()[0]).parent()


def _cpu(process: psutil.Process) -> float:
    """CPU seconds of a process and its children so far, those that have ended included."""
    own = process.cpu_times()
    total = own.user + own.system + own.children_user + own.children_system
    for child in process.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            times = child.cpu_times()
            total += times.user + times.system
    return total
