"""Mails into a local sink: 20 kB of personalised HTML from Liquid, four items and a coupon, every state recorded.

The floor is one raw smtplib connection that sends the same bytes, made beforehand. The peer is django-post_office in
its own environment: its rows hold the finished mail, so it renders nothing. DELIVERY_MESSAGES says how many (10,000).
"""

import json
import os
import shutil
import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from django.conf import settings
from django.db.models import Count
from rich.console import Console
from rich.table import Table

from benchmarks.mailing import plan_messages
from notifications.channels.base import Mailing
from notifications.channels.email.mime import MailTemplate
from notifications.choices import MessageState
from notifications.delivery.claim import claim_batch
from notifications.delivery.letters import Letters
from notifications.models import Message, Run

MESSAGES = int(os.environ.get("DELIVERY_MESSAGES", "10000"))
FLOOR_MESSAGES = 3_000
PEER_MESSAGES = 3_000
PEER = Path(settings.VAR_DIR) / "peers" / "post_office"
PEER_PACKAGES = ("Django==5.2.19", "django-post-office==3.10.1", "psycopg2-binary==2.9.13", "psutil")


def run() -> None:
    """Measure and print."""
    table = Table(
        title=f"Mails into {'smtp-sink' if shutil.which('smtp-sink') else 'an asyncio sink'}: "
        f"{psutil.cpu_count()} cores for sender, database and sink",
        title_justify="left",
    )
    for column in ("what", "mails", "mails/s", "of the floor", "CPU µs", "MB at 10%", "MB at the end"):
        table.add_column(column, justify="left" if column == "what" else "right")
    mailing = plan_messages(MESSAGES)
    data, sender = _one_mail(mailing)
    with _sink() as port:
        floor = _floor(port, data=data, sender=sender)
        table.add_row(
            f"raw smtplib, {len(data):,} bytes made beforehand", f"{FLOOR_MESSAGES:,}", f"{floor:,.0f}", "100%"
        )
        for batch in (100, PEER_MESSAGES) if os.environ.get("DELIVERY_PEER", "1") == "1" else ():
            _row(table, f"django-post_office, batches of {batch:,}", _peer(port, data, batch), floor)
        _row(table, "Apropos, one worker", _ours(port, mailing), floor)
    Console().print(table)


def _row(table: Table, what: str, figures: dict[str, Any], floor: float) -> None:
    rate = figures["mails"] / figures["seconds"]
    table.add_row(
        *(what, f"{figures['mails']:,}", f"{rate:,.0f}", f"{rate / floor:.0%}"),
        *(f"{1e6 * figures['cpu'] / figures['mails']:.0f}", *(f"{each / 1e6:.0f}" for each in figures["rss"])),
    )


def _one_mail(run: Run) -> tuple[bytes, str]:
    """A mail of the run as it goes over the wire; its message is planned again."""
    letters = Letters(run)
    (letter,) = letters.load(claim_batch(run=run, limit=1).claims)
    envelope = letters.render(letter)
    template = MailTemplate(Mailing(run.pk, run.campaign_id, "bench"), sender=settings.DEFAULT_FROM_EMAIL)
    Message.objects.filter(state=MessageState.SENDING).update(state=MessageState.PLANNED, attempts=0, lease_until=None)
    return template.build(envelope, address="someone@example.com"), template.sender


@contextmanager
def _sink() -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    postfix = shutil.which("smtp-sink")
    command = (
        [postfix, "-u", "nobody", f"127.0.0.1:{port}", "100"]
        if postfix
        else [sys.executable, "-m", "benchmarks.sink", str(port)]
    )
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(port: int) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("the sink did not start")


def _floor(port: int, *, data: bytes, sender: str) -> float:
    with smtplib.SMTP("127.0.0.1", port) as smtp:
        started = time.perf_counter()
        for number in range(FLOOR_MESSAGES):
            smtp.sendmail(sender, f"customer-{number}@example.com", data)
        return FLOOR_MESSAGES / (time.perf_counter() - started)


def _ours(port: int, run: Run) -> dict[str, Any]:
    figures = _process([sys.executable, "-m", "benchmarks.mailing"], {"EMAIL_URL": f"smtp://127.0.0.1:{port}"})
    states = dict(Message.objects.filter(run=run).values_list("state").annotate(count=Count("pk")))
    if states != {MessageState.SENT: MESSAGES}:
        raise RuntimeError(f"{states}: something was lost")
    return figures


def _peer(port: int, data: bytes, batch: int) -> dict[str, Any]:
    python = PEER / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(PEER)], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *PEER_PACKAGES], check=True)
    script = Path(__file__).with_name("post_office_peer.py")
    mail = PEER / "mail.eml"
    mail.write_bytes(data)
    return _process([str(python), str(script), str(port), str(PEER_MESSAGES), str(batch), str(mail)], {})


def _process(command: list[str], environment: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(command, env=os.environ | environment, check=True, stdout=subprocess.PIPE)
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures
