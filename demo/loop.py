"""The loop through the running parts: import, train, score, send, listen, report. Started by the supervisor."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import django
from rich.panel import Panel
from rich.table import Table

from demo.folder import SUMMARY_FILE
from demo.progress import Bar, StepFailedError, bar, console, say
from demo.state import State

Step = Callable[[State, Bar], str]


def main() -> int:
    """Run the steps that are not done yet; 0 when the loop has closed."""
    signal.signal(signal.SIGTERM, _leave)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from django.db import DatabaseError

    from demo.history import HistoryError
    from demo.shop_client import ShopError

    try:
        _run()
    except (StepFailedError, HistoryError, ShopError, DatabaseError) as error:
        console.print(f"✗ {error}", style="red", markup=False)
        return 1
    return 0


def _leave(number: int, frame: FrameType | None) -> None:
    """End by an exception, so that the terminal gets its cursor back."""
    sys.exit(128 + number)


def _run() -> None:
    from demo.accounts import ensure_staff_user
    from demo.campaign import send
    from demo.learning import score, train
    from demo.shoppers import simulate

    state = State()
    _forget_another_database(state)
    state.set(start_seconds=state.get("start_seconds") or float(os.environ.get("DEMO_START_SECONDS") or 0))
    ensure_staff_user()
    steps: dict[str, Step] = {
        "import": import_sample,
        "train": train,
        "score": score,
        "send": send,
        "simulate": simulate,
        "report": _report,
    }
    for name, step in steps.items():
        _take(name, step, state)
    _show_the_way(state)


def _forget_another_database(state: State) -> None:
    """Start over when the remembered steps happened in a database that is not this one."""
    from users.models import Customer

    if state.is_done("import") and not Customer.objects.exists():
        state.forget()


def _take(name: str, step: Step, state: State) -> None:
    if state.is_done(name):
        return
    state.start(name)
    began = time.monotonic()
    with bar(name) as line:
        text = step(state, line)
    seconds = time.monotonic() - began
    state.finish(name, seconds)
    say(name, text, seconds)


def import_sample(state: State, line: Bar) -> str:
    """Import the history and print what was kept and lost."""
    from django.conf import settings

    from demo.importing import import_history

    path = Path(os.environ["DEMO_HISTORY"])
    summary = import_history(
        path,
        base_url=settings.BASE_URL,
        on_progress=lambda done, total: line.show(f"{done:,} of {total:,} lines", done=done, total=total),
    )
    table = Table(title="The history, line by line", title_justify="left", show_edge=False)
    table.add_column("lines")
    table.add_column("", justify="right")
    table.add_row("in the file", f"{summary.raw_lines:,}", style="bold")
    table.add_row("kept as purchases", f"{summary.sold_lines:,}")
    table.add_row("kept as refunds", f"{summary.returned_lines:,}")
    for reason, count in sorted(summary.dropped.items(), key=lambda pair: -pair[1]):
        table.add_row(f"dropped: {reason.replace('_', ' ')}", f"{count:,}")
    console.print(table)
    console.print(f"All dates were moved forward by {summary.weeks:,} weeks, to end within the last week.", style="dim")
    return f"{summary.customers:,} customers, {summary.orders:,} orders, {summary.items:,} items"


def _report(state: State, line: Bar) -> str:
    from demo.summary import write_summary

    line.show("counting")
    summary = write_summary(state)
    return _one_line(summary)


def _one_line(summary: dict[str, Any]) -> str:
    messages, dropped = summary["messages"], sum(summary["dropped"].values())
    return (
        f"{summary['events']:,} events kept, {dropped:,} lines dropped, {messages['sent']:,} mails, "
        f"{summary['clicks']:,} clicks, {summary['redemptions']:,} redemptions"
    )


def _show_the_way(state: State) -> None:
    """Where to look, in a small panel."""
    from django.conf import settings

    from demo.accounts import DEMO_USER, demo_password
    from demo.overview import campaign_report_url

    ways = Table.grid(padding=(0, 2))
    ways.add_row("Start here", f"[bold]{settings.BASE_URL}/[/]")
    ways.add_row("Inbox", f"{settings.BASE_URL}/demo/inbox/")
    ways.add_row("Admin", f"{settings.BASE_URL}/admin/")
    ways.add_row("", f"user [bold]{DEMO_USER}[/], password [bold]{demo_password()}[/]")
    if path := campaign_report_url(state.get("campaign")):
        ways.add_row("Report", f"{settings.BASE_URL}{path}")
    ways.add_row("API", f"{settings.BASE_URL}/api/docs/")
    ways.add_row("Figures", os.path.relpath(SUMMARY_FILE))
    console.print(Panel(ways, title="The loop has closed", title_align="left", expand=False, padding=(1, 2)))


if __name__ == "__main__":
    sys.exit(main())
