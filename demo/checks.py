"""What must hold before the demo starts. Each failure is one line that says what is wrong and what to do."""

import fcntl
import os
import tempfile
from pathlib import Path
from typing import IO

from demo.folder import DEMO_DIR, LOCK_FILE, LOG_DIR, MAIL_DIR
from demo.history import HISTORY_FILE, HistoryError, check_history
from demo.ports import try_port

DEFAULT_PORT = 8000


class DemoError(Exception):
    """The demo cannot start, or cannot go on; the message is for the reader of the terminal."""


def web_port() -> int:
    """The port of the web part: DEMO_PORT, or 8000."""
    text = os.environ.get("DEMO_PORT") or str(DEFAULT_PORT)
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise DemoError(f"DEMO_PORT={text} is not a port. Give a number from 1 to 65535: DEMO_PORT=8001 make demo")
    return int(text)


def history_file() -> Path:
    """The history to import: DEMO_HISTORY, or the shipped one."""
    path = Path(os.environ.get("DEMO_HISTORY") or HISTORY_FILE).resolve()
    try:
        check_history(path)
    except HistoryError as error:
        raise DemoError(str(error)) from None
    return path


def make_folders() -> None:
    """Create the demo's folders, and prove that files can be written there."""
    try:
        for folder in (DEMO_DIR, LOG_DIR, MAIL_DIR):
            folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=DEMO_DIR):
            pass
    except OSError as error:
        raise DemoError(
            f"Cannot write to {DEMO_DIR} ({error.strerror}). Make it writable, or choose another folder: "
            "DEMO_DIR=/some/folder make demo"
        ) from None


def take_lock(url: str) -> IO[str]:
    """Make this the only demo in its folder for as long as the returned file is open."""
    lock = LOCK_FILE.open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.seek(0)
        pid, _, other_url = (lock.read().strip() or "unknown an unknown address").partition(" ")
        lock.close()
        raise DemoError(
            f"The demo is already running (pid {pid}, {other_url}). Open it there, or stop it first: kill {pid}"
        ) from None
    lock.truncate(0)
    lock.write(f"{os.getpid()} {url}\n")
    lock.flush()
    return lock


def check_port(port: int) -> None:
    """Raise DemoError when we cannot listen on `port`."""
    try:
        try_port(port)
    except PermissionError:
        raise DemoError(f"Port {port} needs more rights. Choose one above 1023: DEMO_PORT=8001 make demo") from None
    except OSError:
        other = port + 1 if port < 65535 else port - 1
        raise DemoError(
            f"Port {port} is in use by another program. Choose another: DEMO_PORT={other} make demo"
        ) from None


def check_database(url: str) -> None:
    """Raise DemoError unless PostgreSQL answers at `url` within a few seconds."""
    import psycopg2

    try:
        psycopg2.connect(url, connect_timeout=5).close()
    except (psycopg2.Error, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise DemoError(
            f"DATABASE_URL cannot be reached ({reason}). Correct it, or unset it to use the embedded PostgreSQL."
        ) from None


def check_redis(url: str) -> None:
    """Raise DemoError unless a Redis-compatible server answers at `url`."""
    import redis

    try:
        client = redis.Redis.from_url(url, socket_connect_timeout=5, socket_timeout=5)
        client.ping()
        client.close()
    except (redis.RedisError, ValueError, OSError) as error:
        raise DemoError(
            f"REDIS_URL cannot be reached ({error}). Correct it, or unset it to use the embedded Valkey."
        ) from None
