"""The running stack as in production: gunicorn's workers, a durable PostgreSQL, Valkey. Each part can be killed.

Celery's workers and beat run where a test starts them.
"""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg2

from config.embedded import EmbeddedServers
from demo.ports import HOST, free_port

ROOT = Path(__file__).resolve().parent.parent.parent


class Stack:
    """Starts with `with`. `url` is where the web part listens, also after it was killed and started again.

    `settings` go into the environment of every part.
    """

    def __init__(self, directory: Path, **settings: str) -> None:
        self.servers = EmbeddedServers(directory, durable=True)
        self.directory = directory
        self.settings = settings
        self.others = []
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}"
        self.log = directory / "web.log"
        self.web = None

    def __enter__(self):
        self.servers.__enter__()
        self.environment = {**os.environ, **self.servers.urls, "DEMO": "0", "CONN_MAX_AGE": "60"}
        self.environment |= {"BASE_URL": self.url, **self.settings}
        self.manage("migrate", "--verbosity", "0")
        self.start_web()
        return self

    def __exit__(self, *error):
        self.stop_others()
        self.kill_web()
        self.servers.__exit__(None, None, None)

    def manage(self, *arguments: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, check=True, capture_output=True, text=True
        ).stdout

    def start_web(self) -> None:
        command = [
            *(sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"{HOST}:{self.port}"),
            *("--workers", "3", "--threads", "4"),
        ]
        with self.log.open("ab") as log:
            self.web = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + 60
        while not self._is_healthy():
            assert self.web.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def start_workers(self) -> None:
        """Beat and one worker for all queues, as soon as they are ready."""
        celery = [sys.executable, "-m", "celery", "-A", "config"]
        schedule = str(self.directory / "beat")
        self._start_other("worker", [*celery, "worker", "--queues", "default,send", "--concurrency", "2"], " ready.")
        self._start_other("beat", [*celery, "beat", "--schedule", schedule, "--pidfile="], "beat: Starting")

    def _start_other(self, name: str, command: list[str], shows_ready: str) -> None:
        path = self.directory / f"{name}.log"
        with path.open("wb") as log:
            process = subprocess.Popen(
                [*command, "--loglevel", "INFO"],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.others.append(process)
        deadline = time.monotonic() + 120
        while shows_ready not in path.read_text(errors="replace"):
            assert process.poll() is None, path.read_text()
            assert time.monotonic() < deadline, path.read_text()
            time.sleep(0.1)

    def stop_others(self) -> None:
        """Ask Celery's processes to end, then kill what is left of their groups."""
        for process in self.others:
            process.terminate()
        for process in self.others:
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.others.clear()

    def _is_healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def kill_web(self) -> None:
        """kill -9 of gunicorn with all its workers."""
        if self.web is not None and self.web.poll() is None:
            os.killpg(self.web.pid, signal.SIGKILL)
            self.web.wait()

    def kill_postgres(self) -> None:
        """kill -9 of the postmaster with all its backends."""
        postmaster = psutil.Process(self.servers.postgres.pid())
        processes = [postmaster, *postmaster.children(recursive=True)]
        for process in processes:
            with suppress(psutil.NoSuchProcess):  # a backend may end by itself meanwhile
                process.kill()
        psutil.wait_procs(processes, timeout=30)

    def start_postgres(self) -> None:
        """Start again; PostgreSQL recovers from its log."""
        assert self.servers.postgres.start() == self.servers.urls["DATABASE_URL"]

    def fetch(self, query: str, *values: object) -> list[tuple]:
        connection = psycopg2.connect(self.servers.urls["DATABASE_URL"])
        try:
            with connection.cursor() as cursor:
                cursor.execute(query, values)
                return cursor.fetchall()
        finally:
            connection.close()
