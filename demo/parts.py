"""The processes of a running Apropos, and how each shows that it is ready."""

import http.client
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from demo.folder import DEMO_DIR, LOG_DIR, MAIL_DIR
from demo.ports import HOST, is_answering
from demo.processes import start

_CELERY = [sys.executable, "-m", "celery", "-A", "config"]


@dataclass
class Part:
    """One long-running process with a log of its own. `shows_ready` looks at the part from outside."""

    name: str
    argv: list[str]
    purpose: str
    shows_ready: Callable[["Part"], bool]
    process: subprocess.Popen[bytes] | None = None
    _log_start: int = field(default=0, repr=False)

    @property
    def log(self) -> Path:
        return LOG_DIR / f"{self.name}.log"

    def start(self) -> None:
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        self.process = start(self.argv, self.log)

    def exit_code(self) -> int | None:
        """The exit code of a part that has ended, else None."""
        return None if self.process is None else self.process.poll()

    def is_ready(self) -> bool:
        return self.shows_ready(self)

    def new_log(self) -> str:
        """What the part has logged since it was started."""
        with self.log.open("rb") as file:
            file.seek(self._log_start)
            return file.read().decode(errors="replace")

    def log_tail(self, lines: int = 15) -> str:
        return "\n".join(self.new_log().splitlines()[-lines:])


def all_parts(*, port: int, smtp_port: int) -> list[Part]:
    """Every part, in the order of starting."""
    return [
        Part(
            name="inbox",
            argv=[sys.executable, "-m", "demo.sink", str(smtp_port), str(MAIL_DIR)],
            purpose="receives every mail",
            shows_ready=lambda _: is_answering(smtp_port),
        ),
        Part(
            name="web",
            argv=[
                *(sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"{HOST}:{port}"),
                *("--workers", "2", "--threads", "4", "--access-logfile", "-"),
            ],
            purpose=f"http://{HOST}:{port}",
            shows_ready=lambda _: _is_healthy(port),
        ),
        _worker("default", "plans and scores", "--concurrency", "2"),
        _worker("send", "delivers", "--concurrency", "1"),
        _worker("gpu", "trains", "--pool", "solo"),
        Part(
            name="beat",
            argv=[*_CELERY, "beat", "--loglevel", "INFO", "--schedule", str(DEMO_DIR / "beat"), "--pidfile="],
            purpose="keeps the time",
            shows_ready=lambda part: "beat: Starting" in part.new_log(),
        ),
    ]


def _worker(queue: str, purpose: str, *options: str) -> Part:
    name = f"worker-{queue}"
    return Part(
        name=name,
        argv=[
            *("nice", "-n", "10"),  # pages do not wait for work that nobody watches
            *(*_CELERY, "worker", "--queues", queue, "--hostname", f"{name}@%h", "--loglevel", "INFO"),
            *("--without-mingle", "--without-gossip", *options),
        ],
        purpose=purpose,
        shows_ready=lambda part: " ready." in part.new_log(),
    )


def _is_healthy(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
