"""`python -m tests.notifications.delivery.kill_run MESSAGES KILLS SEED`: a run into a recording SMTP sink under fire.

Two workers send while, at random moments of the run, a worker, Valkey or PostgreSQL with all its processes is killed by
SIGKILL and started anew. In the end the leases of what was abandoned are let run out; the report holds what the sink
took against the database.
"""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil
import psycopg2

from config.embedded import EmbeddedServerError, EmbeddedServers
from tests.notifications.delivery.recording_sink import Recording, start_sink

ENVIRONMENT = {
    "DJANGO_SETTINGS_MODULE": "config.settings",
    "SECRET_KEY": "only-for-tests",
    "PII_KEYS": "Yp1Q0s0m7cQm0cQ2m0c5l2xqk3Y3N1yYc0m8mJb3n6E=",
    "SHOP_CURRENCY": "EUR",
    "LOG_LEVEL": "CRITICAL",
    "QUIET_HOURS": "",
}
WORKERS = 2
PACE = 0.02  # seconds that the sink thinks about a mail
PATIENCE = 120  # seconds in which nothing is sent


class Victims:
    """The processes under fire."""

    def __init__(self, servers: EmbeddedServers, chance: random.Random) -> None:
        self.servers, self.chance = servers, chance
        self.kills: Counter[str] = Counter()
        self._first = chance.sample(("worker", "valkey", "postgres"), 3)  # also a short run kills each
        self._nursery = subprocess.Popen(
            [sys.executable, "-m", "tests.notifications.delivery.kill_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self.workers = [self._worker() for _ in range(WORKERS)]

    def kill_one(self) -> None:
        """Kill one at random and start it anew; workers most often, because they are the most."""
        often = ("worker", "worker", "worker", "valkey", "postgres")
        victim = self._first.pop() if self._first else self.chance.choice(often)
        getattr(self, f"_kill_{victim}")()
        self.kills[victim] += 1

    def stop(self) -> None:
        self._nursery.kill()
        self._nursery.wait()
        for worker in self.workers:
            _kill(worker)

    def _worker(self) -> int:
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        self._nursery.stdin.write("\n")
        return int(self._nursery.stdout.readline())

    def _kill_worker(self) -> None:
        number = self.chance.randrange(WORKERS)
        _kill(self.workers[number])
        self.workers[number] = self._worker()

    def _kill_valkey(self) -> None:
        process = self.servers.valkey.process
        if process is not None:
            process.kill()
            process.wait()
        time.sleep(self.chance.uniform(0, 0.3))
        self.servers.valkey.start()

    def _kill_postgres(self) -> None:
        postmaster = psutil.Process(self.servers.postgres.pid() or 0)
        for process in (postmaster, *postmaster.children(recursive=True)):
            _kill(process.pid)
        time.sleep(self.chance.uniform(0, 0.3))
        until = time.monotonic() + 60
        while True:
            try:
                self.servers.postgres.start()
            except (EmbeddedServerError, psycopg2.OperationalError):  # it is recovering
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)
            else:
                return


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def left() -> int:
    """How many messages are still to be sent, asking until the database answers."""
    from django.db import Error, connection

    from notifications.models import Message

    while True:
        try:
            return Message.objects.filter(state="planned").count()
        except Error:
            connection.close()
            time.sleep(0.2)


def fire(victims: Victims, *, kills: int, messages: int) -> None:
    """Kill whenever as many messages are under way or done as chance said, until none is left."""
    moments = sorted((victims.chance.randrange(int(messages * 0.95)) for _ in range(kills)), reverse=True)
    waiting, moved_at = messages, time.monotonic()
    while waiting:
        time.sleep(victims.chance.uniform(0, 0.2))
        while moments and messages - waiting >= moments[-1]:
            moments.pop()
            victims.kill_one()
            time.sleep(victims.chance.uniform(0, 0.2))
        last, waiting = waiting, left()
        if waiting != last:
            moved_at = time.monotonic()
        elif time.monotonic() - moved_at > PATIENCE:
            raise SystemExit(f"{waiting} messages are stuck after {dict(victims.kills)}")
    for _ in moments:
        victims.kill_one()


def report(kills: Counter[str], messages: int, seconds: float) -> dict[str, object]:
    """What the database says, held against what the sink took."""
    from django.utils import timezone

    from notifications.delivery.reaper import reap_leases
    from notifications.models import Message

    Message.objects.filter(state="sending").update(lease_until=timezone.now())
    time.sleep(0.01)
    reap_leases()
    states: dict[str, str] = {
        message.customer.email: message.state for message in Message.objects.select_related("customer").iterator()
    }
    sent = {address for address, state in states.items() if state == "sent"}
    unknown = {address for address, state in states.items() if state == "unknown"}
    taken = Recording.taken
    return {
        "messages": messages,
        "kills": dict(kills),
        "seconds": round(seconds),
        "states": dict(Counter(states.values())),
        "taken": sum(taken.values()),
        "taken twice": sum(count > 1 for count in taken.values()),
        "recorded as sent but not taken": len(sent - taken.keys()),
        "taken but neither sent nor unknown": len(taken.keys() - sent - unknown),
        "unknown that had arrived": len(unknown & taken.keys()),
        "lost in silence": len(states.keys() - taken.keys() - unknown),
    }


def main() -> None:
    messages, kills, seed = (int(argument) for argument in sys.argv[1:4])
    with tempfile.TemporaryDirectory(prefix="apropos-kill-") as folder:
        Path(folder).chmod(0o755)  # the embedded PostgreSQL runs as another user when we are root
        with EmbeddedServers(Path(folder)) as servers:
            os.environ.update(ENVIRONMENT | servers.urls | {"EMAIL_URL": f"smtp://127.0.0.1:{start_sink(PACE)}"})
            import django
            from django.core.management import call_command

            django.setup()
            call_command("migrate", verbosity=0)
            from benchmarks.mailing import plan_messages

            plan_messages(messages)
            started = time.monotonic()
            victims = Victims(servers, random.Random(seed))
            try:
                fire(victims, kills=kills, messages=messages)
            finally:
                victims.stop()
            print(json.dumps(report(victims.kills, messages, time.monotonic() - started)))


if __name__ == "__main__":
    main()
