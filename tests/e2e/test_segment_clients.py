"""Segment's own clients, unmodified, against the running stack, which is killed with kill -9 while they send.

They retry by their own rules. Their public options only say how often: the defaults (10 times) also outlast a restart,
but not one that takes longer than some minutes.
"""

import json
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from segment.analytics.client import Client

from tests.e2e.stack import Stack

NODE = Path(__file__).resolve().parent / "node"
USERS = 7


@pytest.fixture(scope="module")
def stack():
    directory = Path(tempfile.mkdtemp(prefix="apropos-stack-"))
    directory.chmod(0o755)  # PostgreSQL runs as another user when we are root
    try:
        with Stack(directory) as stack:
            yield stack
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def write_key(stack, request):
    return stack.manage("create_api_key", request.node.name, "--scope", "write").split()[-1]


@pytest.fixture(scope="module")
def node_modules():
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("Node.js is missing; install it with: apt-get install nodejs npm")
    lock = NODE / "node_modules" / ".package-lock.json"
    if not lock.exists() or lock.stat().st_mtime < (NODE / "package-lock.json").stat().st_mtime:
        subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=NODE, check=True, capture_output=True)
    return NODE / "node_modules"


class PythonSender:
    def __init__(self, url, key, prefix, total):
        self.prefix, self.errors = prefix, []
        self.client = Client(
            key,
            host=url,
            upload_interval=0.1,
            max_retries=50,
            max_queue_size=total,
            on_error=lambda error, items: self.errors.append(error),
        )

    def track(self, numbers: range) -> None:
        for number in numbers:
            properties = {"product_id": f"p{number % 20}", "price": 3.5}
            assert self.client.track(f"{self.prefix}-{number % USERS}", "Product Viewed", properties)[0]

    def close(self) -> None:
        self.client.flush()
        self.client.shutdown()
        assert self.errors == []


class NodeSender:
    def __init__(self, url, key, prefix, total):
        command = ["node", "--no-warnings", str(NODE / "client.mjs"), url, key, prefix]
        self.process = subprocess.Popen(command, cwd=NODE, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def track(self, numbers: range) -> None:
        self.process.stdin.write(json.dumps({"from": numbers.start, "to": numbers.stop}) + "\n")
        self.process.stdin.flush()

    def close(self) -> None:
        _, errors = self.process.communicate("close\n", timeout=1200)
        assert (self.process.returncode, errors) == (0, "")


def deliver(stack, sender, prefix, total, killed):
    """Send one half, kill a part as soon as something has arrived, send the other half to nobody, start it again."""
    sender.track(range(total // 2))
    deadline = time.monotonic() + 60
    while not (arrived := count(stack, prefix)[0]):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    if killed == "web":
        stack.kill_web()
    else:
        stack.kill_postgres()
    sender.track(range(total // 2, total))
    time.sleep(1)
    if killed == "web":
        stack.start_web()
    else:
        stack.start_postgres()
    sender.close()
    assert 0 < arrived <= total // 2
    assert count(stack, prefix) == (total, total)
    expected = [len(range(number, total, USERS)) for number in range(USERS)]
    assert [rows for (rows,) in stack.fetch(PER_CUSTOMER, f"{prefix}-%")] == expected


COUNT = """SELECT count(*), count(DISTINCT message_id) FROM users_event
JOIN users_customer AS customer ON customer.id = customer_id WHERE customer.external_id LIKE %s"""
PER_CUSTOMER = """SELECT count(*) FROM users_event JOIN users_customer AS customer ON customer.id = customer_id
WHERE customer.external_id LIKE %s GROUP BY customer.external_id ORDER BY customer.external_id"""


def count(stack, prefix):
    return stack.fetch(COUNT, f"{prefix}-%")[0]


@pytest.mark.e2e
def test_the_python_client_delivers_once_through_a_kill(stack, write_key):
    deliver(stack, PythonSender(stack.url, write_key, "python", 1_000), "python", 1_000, "web")


@pytest.mark.e2e
def test_the_node_client_delivers_once_through_a_kill(stack, write_key, node_modules):
    deliver(stack, NodeSender(stack.url, write_key, "node", 1_000), "node", 1_000, "web")


@pytest.mark.soak
@pytest.mark.parametrize("killed", ["web", "postgres"])
@pytest.mark.parametrize("sender", [PythonSender, NodeSender])
def test_ten_thousand_events_arrive_once(stack, write_key, node_modules, sender, killed):
    prefix = f"{sender.__name__}-{killed}"
    deliver(stack, sender(stack.url, write_key, prefix, 10_000), prefix, 10_000, killed)


@pytest.mark.e2e
def test_the_browser_sdk_is_es2018(node_modules):
    script = NODE.parent.parent.parent / "users" / "static" / "users" / "apropos.js"
    acorn = node_modules / ".bin" / "acorn"
    subprocess.run([acorn, "--ecma2018", "--silent", script], check=True, capture_output=True)
