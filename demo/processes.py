"""Starting the demo's processes so that none of them can be left behind.

Every process below the supervisor inherits MARKER in its environment, so all of them are found again, whoever died
first: pool workers, a training's subprocess, the embedded Valkey. PostgreSQL is stopped by its own pid file.
"""

import os
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from demo.folder import DEMO_DIR

MARKER = "APROPOS_DEMO_PROCESS_OF"


def mark_descendants() -> None:
    """Let every process that is started from now on carry the marker. The caller itself does not carry it."""
    os.environ[MARKER] = str(DEMO_DIR)


def start(argv: list[str], log: Path) -> subprocess.Popen[bytes]:
    """Start `argv` in a session of its own, so that Ctrl-C in the terminal reaches only the supervisor."""
    with log.open("ab") as output:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd=Path(__file__).resolve().parent.parent,
        )


def start_watchdog() -> subprocess.Popen[bytes]:
    """Start the process that cleans up when the supervisor is killed; it notices by the end of its input."""
    return subprocess.Popen(
        [sys.executable, "-m", "demo.watchdog"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd=Path(__file__).resolve().parent.parent,
    )


def stop_all(*, grace: float, spare: Collection[int] = ()) -> list[str]:
    """Stop every process of this demo but PostgreSQL and `spare`: ask the leaders, then kill what is left.

    Waits at most `grace` seconds in between. Returns the names of those that had to be killed.
    """
    for process in _marked(spare):
        with suppress(psutil.Error, OSError):
            if os.getsid(process.pid) == process.pid:
                process.terminate()
    deadline = time.monotonic() + grace
    while any(_marked(spare)) and time.monotonic() < deadline:
        time.sleep(0.1)
    killed = []
    for process in _marked(spare):
        with suppress(psutil.Error):
            killed.append(process.name())
            process.kill()
    return killed


def _marked(spare: Collection[int]) -> Iterator[psutil.Process]:
    """The living processes that carry the marker."""
    for process in psutil.process_iter():
        if process.pid in spare or process.pid == os.getpid():
            continue
        with suppress(psutil.Error, OSError):
            ours = process.environ().get(MARKER) == str(DEMO_DIR) and process.name() != "postgres"
            if ours and process.status() != psutil.STATUS_ZOMBIE:
                yield process
