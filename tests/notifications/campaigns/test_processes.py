"""Real schedulers and workers, as processes over one database, one broker and one mail server."""

import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from notifications.campaigns.lifecycle import launch_campaign
from notifications.choices import RunStatus
from notifications.models import Campaign, Message, Run
from tests.factories import (
    CampaignFactory,
    ConsentFactory,
    CustomerFactory,
    SegmentFactory,
    TriggerFactory,
    VariantFactory,
)
from tests.notifications.smtp_server import Recorder, smtp_server

CUSTOMERS = 60
PATIENCE = 240  # seconds
TICK = 5  # seconds between two turns of a scheduler
CELERY = [sys.executable, "-m", "celery", "-A", "config"]


@contextmanager
def process(*arguments: str, log: Path, **environment: str) -> Iterator[None]:
    database = re.sub(r"/\w+\?", f"/{connection.settings_dict['NAME']}?", os.environ["DATABASE_URL"], count=1)
    variables = {**os.environ, **environment, "DATABASE_URL": database, "QUIET_HOURS": "", "LOG_LEVEL": "WARNING"}
    with log.open("w") as output:
        running = subprocess.Popen([*CELERY, *arguments], env=variables, stdout=output, stderr=output)
        try:
            yield
        finally:
            running.terminate()
            running.wait(30)


def launched(name: str, **trigger: object) -> Campaign:
    """A campaign for everyone; with a trigger for nine o'clock each day it was launched two days ago, and slept."""
    segment = SegmentFactory(rule={"field": "customer.country", "op": "=", "value": "GB"})
    campaign = CampaignFactory(name=name, segment=segment, item_count=0, hold_out_percent=0)
    VariantFactory(campaign=campaign, subject=name)
    moment = timezone.now() + timedelta(seconds=20)
    if trigger:
        TriggerFactory(campaign=campaign, schedule="0 9 * * *", **trigger)
        moment -= timedelta(days=2)
    launch_campaign(campaign=campaign, at=moment)
    return campaign


def wait_for(*runs: Run) -> None:
    end = time.monotonic() + PATIENCE
    while Run.objects.filter(pk__in=[run.pk for run in runs]).exclude(status=RunStatus.COMPLETED).exists():
        assert time.monotonic() < end, list(Run.objects.values("campaign__name", "status", "error"))
        time.sleep(0.2)


@pytest.mark.soak
@pytest.mark.django_db(transaction=True)
def test_three_beats_and_four_workers_run_each_campaign_once_also_after_a_sleep(tmp_path):
    for _ in range(CUSTOMERS):
        ConsentFactory(customer=CustomerFactory(country="GB"))
    in_time = launched("In time")
    late = launched("Late", misfire="late")
    dropped = launched("Dropped", misfire="drop", grace=30)
    first = [campaign.runs.get() for campaign in (in_time, late, dropped)]
    recorder = Recorder(pipelining=True)
    with ExitStack() as stack:
        stack.enter_context(smtp_server(recorder))
        url = {"EMAIL_URL": f"smtp://127.0.0.1:{recorder.port}"}
        for number in range(3):
            schedule = ("--schedule", str(tmp_path / f"schedule-{number}"), "--pidfile=")
            stack.enter_context(process("beat", *schedule, log=tmp_path / f"beat-{number}.log", **url))
        for number in range(4):
            options = ("--queues", "default,send", "--pool", "solo", "--hostname", f"{number}@%h")
            stack.enter_context(process("worker", *options, log=tmp_path / f"worker-{number}.log", **url))
        wait_for(*first[:2])
        time.sleep(2 * TICK + 1)  # more turns, which find nothing to do
    first[2].refresh_from_db()
    assert (first[2].status, first[2].recipients.count()) == (RunStatus.STOPPED, 0)
    for campaign, waiting in ((in_time, 0), (late, 1), (dropped, 1)):
        assert campaign.runs.filter(status=RunStatus.PENDING).count() == waiting
        assert campaign.runs.count() == 1 + waiting
    assert first[0].recipients.count() == first[1].recipients.count() == CUSTOMERS
    assert set(Message.objects.values_list("state", flat=True)) == {"sent"}
    assert Counter(recorder.addresses) == dict.fromkeys(recorder.addresses, 2)
    subjects = Counter(recorder.mail(index)["Subject"] for index in range(len(recorder.accepted)))
    assert subjects == {"In time": CUSTOMERS, "Late": CUSTOMERS}
