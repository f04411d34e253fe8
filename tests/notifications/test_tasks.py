"""The whole way from launch to completion, through the tasks and a real mail server."""

import threading
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from notifications import tasks
from notifications.campaigns.lifecycle import launch_campaign
from notifications.choices import CampaignStatus, MessageState, RunStatus
from notifications.models import Message, Run
from tests.factories import CampaignFactory, ConsentFactory, CustomerFactory, SegmentFactory, VariantFactory


@pytest.fixture
def run(transactional_db):
    segment = SegmentFactory(rule={"field": "customer.country", "op": "=", "value": "GB"})
    campaign = CampaignFactory(segment=segment, item_count=0, hold_out_percent=25)
    VariantFactory(campaign=campaign)
    for _ in range(30):
        ConsentFactory(customer=CustomerFactory(country="GB"))
    return launch_campaign(campaign=campaign)


def assert_everyone_got_one(run, smtp):
    run.refresh_from_db()
    planned = run.recipients.filter(status="planned")
    assert 0 < planned.count() < 30
    assert sorted(smtp.addresses) == sorted(recipient.customer.email for recipient in planned)
    assert (run.status, run.campaign.status) == (RunStatus.COMPLETED, CampaignStatus.COMPLETED)


@pytest.fixture
def eager(settings):
    from config.celery import app

    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False


def test_ticks_carry_a_run_from_launch_to_completion(run, smtp, eager):
    tasks.tick()
    assert_everyone_got_one(run, smtp)
    tasks.tick()
    assert_everyone_got_one(run, smtp)


def test_where_a_run_fails_customers_are_looked_for_all_the_same(eager, monkeypatch):
    looked = []
    monkeypatch.setattr(tasks, "turn_triggers", lambda: looked.append(True))
    monkeypatch.setattr(tasks, "start_due_runs", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        tasks.tick()
    assert looked == [True]


def test_the_command_does_it_without_workers(run, smtp):
    call_command("tick", "--inline")
    assert_everyone_got_one(run, smtp)


def test_several_beats_and_workers_at_once_are_harmless(run, smtp):
    def work():
        try:
            call_command("tick", "--inline")
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    call_command("tick", "--inline")
    assert_everyone_got_one(run, smtp)
    assert Run.objects.count() == 1


def test_a_tick_reaps_what_a_dead_worker_left(run, smtp, eager):
    tasks.start_due_runs()
    tasks.decide_run(run_id=run.pk)
    Message.objects.update(state=MessageState.SENDING, lease_until=timezone.now() - timedelta(seconds=1))
    tasks.tick()
    assert set(Message.objects.values_list("state", flat=True)) == {MessageState.UNKNOWN}
    assert smtp.accepted == []
