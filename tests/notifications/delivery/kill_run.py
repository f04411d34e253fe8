"""`python -m tests.notifications.delivery.kill_run MESSAGES KILLS SEED`: a run into a recording SMTP sink under fire.

Two workers send while, at random moments, a worker, Valkey or PostgreSQL is killed by SIGKILL and started anew. In the
end the leases of what was abandoned are let run out; the report holds what the sink took against the database.
"""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import psycopg2

from benchmarks.sink import Sink
from config.embedded import EmbeddedServerError, EmbeddedServers

WORKER = """
import time, django
django.setup()
from django.db import close_old_connections
from notifications.delivery.outbox import send_due
while True:
    try:
        send_due(seconds=2)
        time.sleep(0.05)
    except Exception:
        close_old_connections()
        time.sleep(0.2)
"""
ENVIRONMENT = {
    "DJANGO_SETTINGS_MODULE": "config.settings",
    "SECRET_KEY": "only-for-tests",
    "PII_KEYS": "Yp1Q0s0m7cQm0cQ2m0c5l2xqk3Y3N1yYc0m8mJb3n6E=",
    "SHOP_CURRENCY": "EUR",
    "LOG_LEVEL": "CRITICAL",
    "QUIET_HOURS": "",
}
PATIENCE = 300  # seconds in which nothing is sent


class Recording(Sink):
    """Remembers whom each mail that it took was for."""

    taken: Counter[str] = Counter()
    address = ""

    def heard(self, line: bytes) -> None:
        if line.upper().startswith(b"RCPT TO:"):
            self.address = line[9:-1].decode()

    def took(self) -> None:
        Recording.taken[self.address] += 1


def start_sink() -> int:
    """Serve in a thread of this process; returns the port."""
    ports: list[int] = []
    ready = threading.Event()

    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(Recording, "127.0.0.1", 0)
        ports.append(server.sockets[0].getsockname()[1])
        ready.set()
        await server.serve_forever()

    threading.Thread(target=lambda: asyncio.run(serve()), daemon=True).start()
    ready.wait(10)
    return ports[0]


class Victims:
    """The processes under fire."""

    def __init__(self, servers: EmbeddedServers, chance: random.Random) -> None:
        self.servers, self.chance = servers, chance
        self.kills: Counter[str] = Counter()
        self.workers = [self._worker() for _ in range(2)]

    def kill_one(self) -> None:
        """Kill one at random and start it anew; workers most often, because they are the most."""
        victim = self.chance.choice(("worker", "worker", "worker", "valkey", "postgres"))
        getattr(self, f"_kill_{victim}")()
        self.kills[victim] += 1

    def stop(self) -> None:
        for worker in self.workers:
            worker.kill()
            worker.wait()

    def _worker(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", WORKER])

    def _kill_worker(self) -> None:
        number = self.chance.randrange(len(self.workers))
        self.workers[number].kill()
        self.workers[number].wait()
        self.workers[number] = self._worker()

    def _kill_valkey(self) -> None:
        process = self.servers.valkey.process
        if process is not None:
            process.kill()
            process.wait()
        self.servers.valkey.start()

    def _kill_postgres(self) -> None:
        os.kill(self.servers.postgres.pid() or 0, signal.SIGKILL)
        until = time.monotonic() + 60
        while True:
            try:
                self.servers.postgres.start()
            except (EmbeddedServerError, psycopg2.OperationalError):  # orphaned backends, or recovery, take a while
                if time.monotonic() > until:
                    raise
                time.sleep(0.5)
            else:
                return


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


def fire(victims: Victims, *, kills: int, pause: float) -> None:
    """Kill until it was often enough and all is sent."""
    last, moved_at = left(), time.monotonic()
    while last or sum(victims.kills.values()) < kills:
        time.sleep(victims.chance.uniform(0.2, 2 * pause))
        if sum(victims.kills.values()) < kills:
            victims.kill_one()
        now = left()
        if now != last or sum(victims.kills.values()) < kills:
            last, moved_at = now, time.monotonic()
        if time.monotonic() - moved_at > PATIENCE:
            raise SystemExit(f"{now} messages are stuck")


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
    pause = float(sys.argv[4]) if len(sys.argv) > 4 else 1.0
    with tempfile.TemporaryDirectory(prefix="apropos-kill-") as folder:
        Path(folder).chmod(0o755)  # the embedded PostgreSQL runs as another user when we are root
        with EmbeddedServers(Path(folder)) as servers:
            os.environ.update(ENVIRONMENT | servers.urls | {"EMAIL_URL": f"smtp://127.0.0.1:{start_sink()}"})
            import django
            from django.core.management import call_command

            django.setup()
            call_command("migrate", verbosity=0)
            from benchmarks.mailing import plan_messages

            plan_messages(messages)
            started = time.monotonic()
            victims = Victims(servers, random.Random(seed))
            try:
                fire(victims, kills=kills, pause=pause)
            finally:
                victims.stop()
            print(json.dumps(report(victims.kills, messages, time.monotonic() - started)))


if __name__ == "__main__":
    main()
