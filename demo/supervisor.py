"""Starts the servers and the parts, runs the loop, watches, and stops everything: `python -m demo`."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

from rich.console import Console

from config.embedded import EmbeddedServerError, Postgres, Valkey
from demo import checks, processes
from demo.checks import DemoError
from demo.environment import load_secrets, shop_settings
from demo.folder import DEMO_DIR, LOG_DIR, SUMMARY_FILE
from demo.parts import Part, all_parts
from demo.ports import HOST, free_port
from demo.watchdog import FINISHED

_READY_SECONDS = 90
_GRACE_SECONDS = 8
_BAD_SITUATION = 2

console = Console(highlight=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False, soft_wrap=True)


def run() -> int:
    """Run the demo until it is stopped, or with DEMO_EXIT=1 until the loop has closed. Returns the exit code."""
    supervisor = Supervisor(exit_after_loop=os.environ.get("DEMO_EXIT", "") not in ("", "0"))
    try:
        return supervisor.run()
    except (DemoError, EmbeddedServerError) as error:
        _complain(str(error))
        return _BAD_SITUATION
    except PartFailedError as error:
        _complain(str(error))
        return 1


def _complain(text: str) -> None:
    errors.print("[red]✗[/] ", end="")
    errors.print(text, markup=False)


class PartFailedError(Exception):
    """A part ended although nobody asked it to; the message holds the end of its log."""

    def __init__(self, part: Part, what: str) -> None:
        super().__init__(f"{part.name} {what}. The end of {_short(part.log)}:\n{part.log_tail()}")


class _StoppedError(Exception):
    """The reader asked for the end: Ctrl-C, SIGTERM or SIGHUP."""


class Supervisor:
    """One demo: its servers, its parts, and the loop that runs through them."""

    def __init__(self, *, exit_after_loop: bool) -> None:
        self.exit_after_loop = exit_after_loop
        self.started = time.monotonic()
        self.signal = 0
        self.parts: list[Part] = []
        self.spared: set[int] = set()

    def run(self) -> int:
        port = checks.web_port()
        url = f"http://{HOST}:{port}"
        os.environ["DEMO_HISTORY"] = str(checks.history_file())
        checks.make_folders()
        with ExitStack() as stack:
            stack.enter_context(checks.take_lock(url))
            checks.check_port(port)
            for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(name, self._note_signal)
            try:
                stack.enter_context(self._watched())
                self._start_servers(stack)
                stack.callback(self._stop_parts)
                self._start_parts(port, url)
                return self._run_loop_and_serve()
            except _StoppedError:
                console.print("Stopping …")
                return 128 + self.signal if self.exit_after_loop else 0

    def _note_signal(self, number: int, frame: FrameType | None) -> None:
        self.signal = self.signal or number

    def _check_alive(self) -> None:
        """Raise when a signal came in, or when a part has died."""
        if self.signal:
            raise _StoppedError
        for part in self.parts:
            code = part.exit_code()
            if code is not None:
                raise PartFailedError(part, f"stopped unexpectedly (exit code {code})")

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """End what an earlier, killed demo left behind, and let a watchdog do the same for this one."""
        processes.stop_all(grace=_GRACE_SECONDS)
        processes.mark_descendants()
        watchdog = processes.start_watchdog()
        self.spared.add(watchdog.pid)
        try:
            yield
        finally:
            processes.stop_all(grace=_GRACE_SECONDS, spare={watchdog.pid})
            watchdog.communicate(FINISHED)

    def _stop_parts(self) -> None:
        """Stop the parts while their servers still answer."""
        processes.stop_all(grace=_GRACE_SECONDS, spare=self.spared)

    def _start_servers(self, stack: ExitStack) -> None:
        """Use the servers that DATABASE_URL and REDIS_URL name, and start embedded ones for those not named."""
        if os.environ.get("DATABASE_URL"):
            checks.check_database(os.environ["DATABASE_URL"])
            self._say("database", "PostgreSQL from DATABASE_URL")
        else:
            postgres = Postgres(DEMO_DIR / "postgres")
            stack.callback(postgres.stop)
            os.environ["DATABASE_URL"] = postgres.start()
            self._say("database", "embedded PostgreSQL")
        self._check_alive()
        if os.environ.get("REDIS_URL"):
            checks.check_redis(os.environ["REDIS_URL"])
            self._say("broker", "Redis from REDIS_URL")
        else:
            valkey = Valkey(DEMO_DIR / "valkey", save=True)
            stack.callback(valkey.stop)
            os.environ["REDIS_URL"] = valkey.start()
            if valkey.process is not None:
                self.spared.add(valkey.process.pid)
            self._say("broker", "embedded Valkey")

    def _start_parts(self, port: int, url: str) -> None:
        smtp_port = free_port()
        os.environ.update(load_secrets() | shop_settings(url=url, smtp_port=smtp_port))
        migrate = Part("migrate", [sys.executable, "manage.py", "migrate", "--no-input"], "", lambda _: False)
        migrate.start()
        if self._wait_for_end(migrate.process) != 0:
            raise PartFailedError(migrate, "failed")
        self._say("schema", "migrated")
        self.parts = all_parts(port=port, smtp_port=smtp_port)
        for part in self.parts:
            part.start()
        self._wait_until_ready()
        os.environ["DEMO_START_SECONDS"] = f"{time.monotonic() - self.started:.2f}"

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        waiting = list(self.parts)
        while waiting:
            self._check_alive()
            for part in [part for part in waiting if part.is_ready()]:
                waiting.remove(part)
                self._say(part.name, part.purpose)
            if waiting and time.monotonic() > deadline:
                raise PartFailedError(waiting[0], f"was not ready after {_READY_SECONDS} s")
            time.sleep(0.1)

    def _wait_for_end(self, process: subprocess.Popen[bytes] | None) -> int:
        while process is not None and process.poll() is None:
            self._check_alive()
            time.sleep(0.1)
        return 0 if process is None else int(process.returncode)

    def _run_loop_and_serve(self) -> int:
        """The loop draws its own progress, so it shares our terminal; it is a process because it loads Django."""
        loop = subprocess.Popen([sys.executable, "-m", "demo.loop"], start_new_session=True)
        code = self._wait_for_end(loop)
        if code != 0:
            _complain("The loop did not close; the lines above say where it stopped.")
            return code
        if self.exit_after_loop:
            console.print(f"Done; the figures are in {_short(SUMMARY_FILE)}.")
            return 0
        console.print("Serving until Ctrl-C. Logs: " + _short(LOG_DIR))
        while True:
            self._check_alive()
            time.sleep(0.2)

    def _say(self, name: str, text: str) -> None:
        console.print(f"[green]✓[/] {name:<15} {text}  [dim]{time.monotonic() - self.started:.1f} s[/]")


def _short(path: Path) -> str:
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
