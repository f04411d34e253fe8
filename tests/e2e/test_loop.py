"""The whole loop on a small slice of the real history: the demo itself, with its own servers, workers and sink."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from demo.history import HISTORY_FILE
from demo.processes import MARKER

ROOT = Path(__file__).resolve().parent.parent.parent
OF_THE_TEST_SESSION = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "PII_KEYS", "DEMO", "BASE_URL", "MEDIA_ROOT")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("demo")
    # PostgreSQL runs as another user when we are root, and must be able to reach its folder.
    for reachable in (path, path.parent, path.parent.parent):
        reachable.chmod(0o755)
    return path


@pytest.fixture(scope="module")
def environment(folder) -> dict[str, str]:
    """Every tenth customer of the history, and the lines that belong to nobody."""
    table = pq.read_table(HISTORY_FILE)
    customer = np.asarray(table["CustomerID"].fill_null(0))
    slice_file = folder / "slice.parquet"
    pq.write_table(table.filter(pa.array(customer % 10 == 0)), slice_file)
    inherited = {name: value for name, value in os.environ.items() if name not in OF_THE_TEST_SESSION}
    return inherited | {
        "DEMO_DIR": str(folder / "var"),
        "DEMO_HISTORY": str(slice_file),
        "DEMO_PORT": str(free_port()),
        "DEMO_TRAIN_SECONDS": "10",
    }


def demo(environment: dict[str, str], **changes: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "demo"],
        cwd=ROOT,
        env=environment | changes,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def left_behind(directory: str) -> list[str]:
    """Processes that still belong to the demo in `directory`."""
    found = []
    for process in psutil.process_iter():
        try:
            command = " ".join(process.cmdline())
            if process.environ().get(MARKER) == directory or f"{directory}/" in command:
                found.append(command)
        except psutil.Error:
            continue
    return found


@pytest.fixture(scope="module")
def summary(environment, folder) -> dict:
    process = demo(environment, DEMO_EXIT="1")
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 0, output
    assert left_behind(environment["DEMO_DIR"]) == []
    return json.loads((folder / "var" / "summary.json").read_text())


def test_the_loop_closes_and_every_figure_agrees(summary, folder):
    assert summary["customers"] > 300
    assert summary["events"] > 20_000
    assert {"duplicate", "no_customer", "not_a_product"} <= summary["dropped"].keys()
    training = summary["training"]
    assert training["baselines"].keys() == {"popularity", "item_knn"}
    assert training["champion"] in {"transformer", *training["baselines"]}
    contenders = {"transformer": training["metrics"], **training["baselines"]}
    assert training["champion"] == max(contenders, key=lambda name: contenders[name]["ndcg@10"])

    recipients, messages = summary["recipients"], summary["messages"]
    assert recipients["planned"] > 50
    assert recipients["held_out"] > 0
    assert messages == {"sent": recipients["planned"], "failed": 0, "unknown": 0}
    mails = list((folder / "var" / "mail").rglob("*.eml"))
    assert len(mails) == messages["sent"]
    assert summary["clicks"] > 0
    assert 0 < summary["redemptions"] <= messages["sent"]
    assert summary["report"]


def test_every_mail_carries_a_coupon_items_and_the_way_out(summary, folder):
    import email
    import email.policy

    codes = set()
    mails = list((folder / "var" / "mail").rglob("*.eml"))
    for path in mails:
        mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert mail["To"].addresses[0].domain == "example.com"
        html = mail.get_body(("html",)).get_content()
        text = mail.get_body(("plain",)).get_content()
        assert html.count("/t/c/") >= 4
        assert "Because you bought" in html or "You bought this before" in html
        codes.add(next(word for word in text.split() if word.count("-") >= 2 and word.isupper()))
    assert len(codes) == len(mails), "every coupon is unique"


def test_a_second_start_reuses_the_data_and_ctrl_c_leaves_nothing_behind(summary, environment):
    process = demo(environment)
    url = f"http://127.0.0.1:{environment['DEMO_PORT']}"
    try:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{url}/healthz", timeout=2) as answer:
                    assert answer.status == 200
                    break
            except OSError:
                assert process.poll() is None, process.stdout.read()
                time.sleep(0.2)
        with urllib.request.urlopen(url, timeout=10) as page:
            assert b"inbox" in page.read().lower()
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert left_behind(environment["DEMO_DIR"]) == []
