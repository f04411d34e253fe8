"""Sending workers that are there at once: a process that has imported everything forks one for every line it reads.

It answers with the worker's process id. A worker does what a Celery worker does with `send_due_messages`, again and
again, and outlives whatever goes wrong.
"""

import os
import signal
import sys
import time
import traceback

import django


def work() -> None:
    """Send until killed."""
    from django.db import close_old_connections

    from notifications.delivery.outbox import send_due

    while True:
        try:
            if not send_due():
                time.sleep(0.05)
        except Exception:
            traceback.print_exc()
        close_old_connections()


def main() -> None:
    django.setup()
    from django.urls import get_resolver

    from notifications.channels import channels
    from notifications.delivery import outbox  # noqa: F401 - here, so that no worker has to import it

    channels()
    assert get_resolver().url_patterns

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that are killed
    for _line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            work()
        print(pid, flush=True)


if __name__ == "__main__":
    main()
