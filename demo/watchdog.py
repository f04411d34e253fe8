"""Waits for the supervisor to go. When it was killed and could not clean up, this process does it.

The supervisor holds the other end of this process's input; the kernel closes it whatever kills the supervisor.
"""

import signal
import sys

from config.embedded import Postgres
from demo.folder import DEMO_DIR
from demo.processes import stop_all

FINISHED = b"finished\n"


def main() -> None:
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    if sys.stdin.buffer.read() == FINISHED:
        return
    stop_all(grace=5)
    Postgres(DEMO_DIR / "postgres").stop()


if __name__ == "__main__":
    main()
