"""One live line per step of the loop: what it does, how far it is, how long it took."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

_POLL_SECONDS = 0.4

console = Console(highlight=False, soft_wrap=True)


class StepFailedError(Exception):
    """A step of the loop cannot be finished; the message says why and where to look."""


class Bar:
    """The line of the running step."""

    def __init__(self, progress: Progress, name: str) -> None:
        self._progress = progress
        self._task = progress.add_task(name, total=None, text="")

    def show(self, text: str, done: float | None = None, total: float | None = None) -> None:
        """Say `text`; `done` of `total` moves the bar."""
        self._progress.update(self._task, text=text, completed=done, total=total)


@contextmanager
def bar(name: str) -> Iterator[Bar]:
    """Show a live line while the block runs; it vanishes at the end. Without a terminal nothing is drawn."""
    columns = (
        TextColumn("[cyan]…[/] {task.description:<15}"),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TextColumn("{task.fields[text]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield Bar(progress, name)


def say(name: str, text: str, seconds: float) -> None:
    """The lasting line of a finished step."""
    console.print(f"[green]✓[/] {name:<15} {text}  [dim]{seconds:.1f} s[/]")


def wait_until(is_done: Callable[[], bool], *, seconds: float, what: str, log: str) -> None:
    """Poll `is_done`. Raises StepFailedError after `seconds`, naming the log to read."""
    deadline = time.monotonic() + seconds
    while not is_done():
        if time.monotonic() > deadline:
            raise StepFailedError(f"{what} did not happen within {seconds:.0f} s; see {log}.")
        time.sleep(_POLL_SECONDS)
