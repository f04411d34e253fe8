"""`python -m demo` as its reader meets it: one clear line and exit code 2 for bad situations, and no process left."""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from demo import __main__ as entry
from demo.history import COLUMNS, HISTORY_FILE
from demo.ports import free_port
from demo.processes import MARKER

ROOT = Path(__file__).resolve().parent.parent.parent
SERVER_VARIABLES = ("DATABASE_URL", "REDIS_URL", "EMAIL_URL", "DEMO_EXIT")


@pytest.fixture
def environment():
    """A folder of its own for the demo. Not `tmp_path`: as root, PostgreSQL runs as another user and must reach it."""
    kept = {name: value for name, value in os.environ.items() if name not in SERVER_VARIABLES}
    with tempfile.TemporaryDirectory(prefix="apropos-demo-") as name:
        Path(name).chmod(0o755)
        yield kept | {"DEMO_DIR": f"{name}/demo", "DEMO_PORT": str(free_port())}


def run_demo(environment):
    return subprocess.run(
        [sys.executable, "-m", "demo"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def assert_refused(result, *texts):
    assert result.returncode == 2, result.stdout + result.stderr
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    for text in texts:
        assert text in result.stderr


def processes_of(directory):
    """Everything that belongs to the demo in `directory` and is still alive."""
    found = []
    for process in psutil.process_iter():
        try:
            ours = process.environ().get(MARKER) == str(directory) or str(directory) in " ".join(process.cmdline())
            if ours and process.status() != psutil.STATUS_ZOMBIE:
                found.append(f"{process.pid} {' '.join(process.cmdline())}")
        except (psutil.Error, OSError):
            continue
    return found


def test_a_busy_port_is_named_with_a_way_out(environment):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        result = run_demo(environment | {"DEMO_PORT": str(port)})
    assert_refused(result, f"Port {port} is in use", "DEMO_PORT=")
    assert not processes_of(environment["DEMO_DIR"])


def test_a_port_must_be_a_number(environment):
    assert_refused(run_demo(environment | {"DEMO_PORT": "eighty"}), "DEMO_PORT=eighty is not a port")


def test_a_second_demo_is_sent_to_the_first(environment):
    folder = Path(environment["DEMO_DIR"])
    folder.mkdir()
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("4242 http://127.0.0.1:8000\n")
        lock.flush()
        assert_refused(run_demo(environment), "already running (pid 4242, http://127.0.0.1:8000)")


def test_a_folder_that_cannot_be_written(environment, tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert_refused(run_demo(environment | {"DEMO_DIR": str(tmp_path / "file" / "demo")}), "Cannot write to")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(environment, tmp_path):
    (tmp_path / "closed").mkdir(mode=0o500)
    assert_refused(run_demo(environment | {"DEMO_DIR": str(tmp_path / "closed" / "demo")}), "Permission denied")


def test_a_missing_history(environment):
    result = run_demo(environment | {"DEMO_HISTORY": "/nowhere/history.parquet"})
    assert_refused(result, "/nowhere/history.parquet does not exist")


def test_a_history_without_its_columns(environment, tmp_path):
    path = tmp_path / "narrow.parquet"
    pq.write_table(pa.table({"InvoiceNo": ["1"]}), path)
    assert_refused(run_demo(environment | {"DEMO_HISTORY": str(path)}), "has no column StockCode")


@pytest.mark.parametrize(
    ("variable", "url"),
    [("DATABASE_URL", "postgres://nobody@127.0.0.1:{port}/nothing"), ("REDIS_URL", "redis://127.0.0.1:{port}/0")],
)
def test_a_server_that_does_not_answer(environment, variable, url):
    servers = {name: os.environ[name] for name in ("DATABASE_URL", "REDIS_URL")}
    result = run_demo(environment | servers | {variable: url.format(port=free_port())})
    assert_refused(result, f"{variable} cannot be reached")
    assert not processes_of(environment["DEMO_DIR"])


def test_an_old_python(monkeypatch, capsys):
    monkeypatch.setattr(sys, "version_info", (3, 9, 2, "final", 0))
    assert entry.main() == 2
    assert "needs Python 3.11 or newer, and this is 3.9.2" in capsys.readouterr().err


@pytest.fixture
def running(environment, tmp_path):
    """A demo whose parts are up, on a small slice of the history."""
    history = tmp_path / "slice.parquet"
    pq.write_table(pq.read_table(HISTORY_FILE, columns=list(COLUMNS)).slice(0, 3000), history)
    process = subprocess.Popen(
        [sys.executable, "-m", "demo"],
        cwd=ROOT,
        env=environment | {"DEMO_HISTORY": str(history)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "import " in line:
            break
    assert process.poll() is None, "".join(lines)
    for part in ("database", "broker", "inbox", "web", "worker-default", "worker-send", "worker-gpu", "beat"):
        assert any(f"✓ {part}" in line for line in lines), "".join(lines)
    yield process
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_process_is_left(running, environment, number):
    directory = environment["DEMO_DIR"]
    assert len(processes_of(directory)) >= 8
    assert_refused(run_demo(environment), f"already running (pid {running.pid}, ")
    running.send_signal(number)
    code = running.wait(60)
    assert code == (-number if number == signal.SIGKILL else 0), running.stdout.read()
    deadline = time.monotonic() + 60
    while processes_of(directory) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert processes_of(directory) == []
    assert not (Path(directory) / "postgres" / "postmaster.pid").exists()
