"""Events out to arrays, in a process of its own, so that its memory can be told."""

import json
import resource
import subprocess
import sys
import time

from rich.console import Console
from rich.table import Table


def run() -> None:
    """Measure and print. The floor is the same COPY into the void: no arrays, no sorting by customer."""
    from benchmarks import big_shop

    big_shop.make_big_shop()
    table = Table(title="Export to training", title_justify="left")
    for column in ("what", "rows", "seconds", "of the floor", "peak memory"):
        table.add_column(column, justify="left" if column == "what" else "right")
    told = {name: _measured(name) for name in ("floor", "interactions", "customers", "items")}
    for name, what in (
        ("floor", "floor: binary COPY into the void"),
        ("interactions", "export_interactions: sorted arrays"),
        ("customers", "export_customers: feature matrices"),
        ("items", "export_items: feature matrices"),
    ):
        rows, seconds, megabytes = (told[name][key] for key in ("rows", "seconds", "megabytes"))
        share = f"{seconds / told['floor']['seconds']:.0%}" if name in ("floor", "interactions") else ""
        table.add_row(what, f"{rows:,}", f"{seconds:.1f}", share, f"{megabytes:,} MB")
    Console().print(table)


def _measured(name: str) -> dict[str, float]:
    child = subprocess.run([sys.executable, "-m", "benchmarks.export", name], check=True, capture_output=True)
    told: dict[str, float] = json.loads(child.stdout)
    return told


def _copy_into_the_void() -> int:
    from django.db import connection

    with connection.cursor() as cursor, open("/dev/null", "wb") as void:
        cursor.cursor.copy_expert(
            "COPY (SELECT customer_id, item_id, type, occurred_at, quantity FROM users_event) TO STDOUT BINARY", void
        )
        return int(cursor.cursor.rowcount)


def _main(name: str) -> None:
    import django

    django.setup()
    from recommendations.export import export_customers, export_interactions, export_items

    work = {
        "floor": _copy_into_the_void,
        "interactions": lambda: len(export_interactions()),
        "customers": lambda: len(export_customers()),
        "items": lambda: len(export_items()),
    }[name]
    started = time.perf_counter()
    rows = work()
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024  # Linux tells kilobytes
    print(json.dumps({"rows": rows, "seconds": seconds, "megabytes": peak}))


if __name__ == "__main__":
    _main(sys.argv[1])
