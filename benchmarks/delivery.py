"""Mails into a local sink: 20 kB of personalised HTML from Liquid, four items and a coupon, every state recorded.

The floor is one raw smtplib connection that sends the same bytes, made beforehand. The peer is django-post_office in
its own environment: its rows hold the finished mail, so it renders nothing. DELIVERY_MESSAGES says how many (10,000);
500000 shows what a long run does to the memory of a worker. DELIVERY_PEER=0 leaves the peer out.
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
from benchmarks.peers import NoPeer, python_of
from notifications.channels.base import Mailing
from notifications.channels.email.mime import MailTemplate
from notifications.choices import MessageState
from notifications.delivery.claim import claim_batch
from notifications.delivery.letters import Letters
from notifications.models import Message, Run

MESSAGES = int(os.environ.get("DELIVERY_MESSAGES", "10000"))
ONE_WORKER = 3_000  # by one worker; all of MESSAGES by two
FLOOR_MESSAGES = 3_000
PEER_MESSAGES = 2_000
PEER_CONFIGURATIONS = ((100, 1), (PEER_MESSAGES, 1), (PEER_MESSAGES, 2))  # batch size, processes
PEER_PACKAGES = ("Django==5.2.19", "django-post-office==3.10.1", "psycopg2-binary==2.9.13", "psutil")


def run() -> None:
    """Measure and print."""
    table = Table(
        title=f"Mails into {'smtp-sink' if shutil.which('smtp-sink') else 'an asyncio sink'}: "
        f"{psutil.cpu_count()} cores for sender, database and sink",
        title_justify="left",
    )
    for column in ("what", "mails", "mails/s", "of the floor", "CPU µs", "MB after 10,000", "MB at the end"):
        table.add_column(column, justify="left" if column == "what" else "right")
    data, sender = _one_mail(plan_messages(1))
    with _sink() as port:
        floor = _floor(port, data=data, sender=sender)
        table.add_row(
            f"raw smtplib, {len(data):,} bytes made beforehand", f"{FLOOR_MESSAGES:,}", f"{floor:,.0f}", "100%"
        )
        if os.environ.get("DELIVERY_PEER", "1") == "1":
            _peers(table, port, data, floor)
        _row(table, "Apropos, one worker", _ours(port, plan_messages(ONE_WORKER), workers=1), floor)
        _row(table, "Apropos, two workers", _ours(port, plan_messages(MESSAGES), workers=2), floor)
    Console(width=140).print(table)


def _row(table: Table, what: str, figures: dict[str, Any], floor: float) -> None:
    rate = figures["mails"] / figures["seconds"]
    table.add_row(
        *(what, f"{figures['mails']:,}", f"{rate:,.0f}", f"{rate / floor:.0%}"),
        *(
            f"{1e6 * figures['cpu'] / figures['mails']:.0f}",
            *(f"{each / 1e6:.0f}" if each else "" for each in figures["rss"]),
        ),
    )


def _one_mail(run: Run) -> tuple[bytes, str]:
    """A mail of the run as it goes over the wire; the run has no others."""
    letters = Letters(run)
    (letter,) = letters.load(claim_batch(run=run, limit=1).claims)
    template = MailTemplate(Mailing(run.pk, run.campaign_id, "bench"), sender=settings.DEFAULT_FROM_EMAIL)
    return template.build(letters.render(letter), address="someone@example.com"), template.sender


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


def _ours(port: int, run: Run, *, workers: int) -> dict[str, Any]:
    """The figures of workers that begin together, once all have loaded."""
    environment = os.environ | {"EMAIL_URL": f"smtp://127.0.0.1:{port}"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.mailing"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(workers)
    ]
    for process in processes:
        _line(process)
    for process in processes:
        _tell(process)
    each = [json.loads(_line(process)) for process in processes]
    for process in processes:
        process.wait(60)
    states = dict(Message.objects.filter(run=run).values_list("state").annotate(count=Count("pk")))
    if set(states) != {MessageState.SENT}:
        raise RuntimeError(f"{states}: something was lost")
    return {
        "mails": states[MessageState.SENT],
        "seconds": max(worker["seconds"] for worker in each),
        "cpu": sum(worker["cpu"] for worker in each),
        "rss": max((worker["rss"] for worker in each), key=lambda rss: rss[-1]),
    }


def _peers(table: Table, port: int, data: bytes, floor: float) -> None:
    try:
        python = python_of("post_office", PEER_PACKAGES)
    except NoPeer as reason:
        table.add_row(f"django-post_office: {reason}")
        return
    script = Path(__file__).with_name("post_office_peer.py")
    mail = python.parent.parent / "mail.eml"
    mail.write_bytes(data)
    for batch, processes in PEER_CONFIGURATIONS:
        arguments = (str(port), str(PEER_MESSAGES), str(batch), str(processes), str(mail))
        done = subprocess.run([str(python), str(script), *arguments], check=True, stdout=subprocess.PIPE)
        name = f"django-post_office, batches of {batch:,}, {processes} process{'es' if processes > 1 else ''}"
        _row(table, name, json.loads(done.stdout.splitlines()[-1]), floor)


def _line(process: subprocess.Popen[str]) -> str:
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        raise RuntimeError("a worker ended before its time")
    return line


def _tell(process: subprocess.Popen[str]) -> None:
    if process.stdin:
        process.stdin.write("go\n")
        process.stdin.flush()
