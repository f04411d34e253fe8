"""Frequency caps, quiet hours and usefulness: in the plan, in its preview, and again at the claim."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from notifications.campaigns.audience import audience_preview
from notifications.campaigns.lifecycle import launch_campaign
from notifications.campaigns.plan import plan_run
from notifications.campaigns.schedule import start_due_runs
from notifications.choices import CampaignStatus, MessageState, RunStatus
from notifications.delivery.claim import claim_batch
from notifications.models import Campaign, FrequencyCap, Message
from tests.factories import CampaignFactory, MessageFactory, RunFactory

NIGHT = datetime(2026, 6, 10, 22, 30, tzinfo=UTC)
ZONES = ["America/New_York", "Europe/London", "Asia/Shanghai"]  # 18:30, 23:30 and 6:30


@pytest.fixture
def everyone(campaign):
    """The campaign without a hold-out."""
    Campaign.objects.update(hold_out_percent=0)
    campaign.refresh_from_db()
    return campaign


def plan(campaign):
    run = launch_campaign(campaign=campaign)
    start_due_runs()
    plan_run(run_id=run.pk)
    run.refresh_from_db()
    return run


def had(customer, *, ago, state=MessageState.SENT, channel="email", tags=()):
    """A message of another campaign that `customer` had."""
    moment = timezone.now() - ago
    run = RunFactory(campaign=CampaignFactory(tags=list(tags)))
    sent_at = moment if state == MessageState.SENT else None
    fields = {"recipient__run": run, "recipient__customer": customer}
    return MessageFactory(**fields, state=state, channel=channel, sent_at=sent_at, due_at=moment)


def suppressions(run):
    return dict(run.recipients.exclude(suppression="").values_list("customer_id", "suppression"))


@pytest.mark.django_db
def test_a_plan_counts_what_was_sent_in_the_rolling_window(everyone, make_customer):
    FrequencyCap.objects.all().delete()
    FrequencyCap.objects.create(maximum=2, days=7)
    full, half, long_ago, in_flight, unknown, failed = (make_customer() for _ in range(6))
    for _ in range(2):
        had(full, ago=timedelta(days=6, hours=23))
        had(long_ago, ago=timedelta(days=7, hours=1))
        had(unknown, ago=timedelta(days=1), state=MessageState.UNKNOWN)
        had(failed, ago=timedelta(days=1), state=MessageState.FAILED)
    had(half, ago=timedelta(hours=1))
    had(in_flight, ago=timedelta(hours=1))
    had(in_flight, ago=timedelta(minutes=1), state=MessageState.SENDING)
    assert audience_preview(everyone).suppressed == {"frequency_cap": 3}
    run = plan(everyone)
    assert suppressions(run) == dict.fromkeys([full.pk, in_flight.pk, unknown.pk], "frequency_cap")


@pytest.mark.django_db
def test_caps_of_a_channel_and_of_a_tag_count_only_theirs(everyone, make_customer):
    FrequencyCap.objects.all().delete()
    FrequencyCap.objects.create(maximum=1, days=1, channel="email")
    FrequencyCap.objects.create(maximum=1, days=30, tag="newsletter")
    FrequencyCap.objects.create(maximum=1, days=30, tag="other")
    FrequencyCap.objects.create(maximum=1, days=300, channel="fcm")
    FrequencyCap.objects.create(maximum=1, days=365, is_active=False)
    mailed, pushed, informed, otherwise = (make_customer() for _ in range(4))
    had(mailed, ago=timedelta(hours=3))
    had(pushed, ago=timedelta(hours=3), channel="fcm")
    had(informed, ago=timedelta(days=3), tags=["newsletter", "weekly"])
    had(otherwise, ago=timedelta(days=3), tags=["other"])
    Campaign.objects.filter(pk=everyone.pk).update(tags=["newsletter"])
    everyone.refresh_from_db()
    assert suppressions(plan(everyone)) == {mailed.pk: "frequency_cap", informed.pk: "frequency_cap"}


@pytest.mark.django_db
def test_without_an_active_cap_nothing_is_capped(everyone, make_customer):
    assert not FrequencyCap.objects.filter(is_active=True).exists(), (
        "defaults change nothing until they are switched on"
    )
    customer = make_customer()
    for _ in range(10):
        had(customer, ago=timedelta(hours=1))
    assert suppressions(plan(everyone)) == {}


@pytest.mark.django_db
def test_whoever_sleeps_gets_it_in_the_morning_of_their_own_zone(everyone, make_customer, settings):
    settings.QUIET_HOURS = "21:00-08:00"
    with time_machine.travel(NIGHT, tick=False):
        customers = {zone: make_customer(time_zone=zone) for zone in [*ZONES, "nowhere"]}
        assert audience_preview(everyone).delayed == 3
        run = plan(everyone)
    due = {message.customer.time_zone: message.due_at for message in Message.objects.select_related("customer")}
    assert due == {
        "America/New_York": NIGHT,
        "Europe/London": datetime(2026, 6, 11, 7, tzinfo=UTC),
        "Asia/Shanghai": datetime(2026, 6, 11, 0, tzinfo=UTC),
        "nowhere": datetime(2026, 6, 11, 8, tzinfo=UTC),
    }
    assert {r.customer_id: r.send_at for r in run.recipients.all()} == {
        customers[zone].pk: moment for zone, moment in due.items()
    }


@pytest.mark.django_db
def test_those_who_would_get_it_too_late_are_left_out_and_it_says_so(everyone, make_customer, settings):
    settings.QUIET_HOURS = "21:00-08:00"
    Campaign.objects.update(useful_hours=8)
    everyone.refresh_from_db()
    with time_machine.travel(NIGHT, tick=False):
        customers = {zone: make_customer(time_zone=zone) for zone in ZONES}
        run = plan(everyone)
    assert suppressions(run) == {customers["Europe/London"].pk: "too_late"}
    assert set(Message.objects.values_list("useful_until", flat=True)) == {NIGHT + timedelta(hours=8)}


@pytest.fixture
def run(transactional_db, make_customer):
    campaign = CampaignFactory(status=CampaignStatus.RUNNING)
    return RunFactory(campaign=campaign, status=RunStatus.SENDING)


@pytest.fixture
def queued(run, make_customer):
    def queue(customer=None, *, run=run, **fields):
        return MessageFactory(recipient__run=run, recipient__customer=customer or make_customer(), **fields)

    return queue


def outcome(message):
    message.refresh_from_db()
    return message.state, message.error_kind, message.due_at


def test_a_late_message_waits_for_the_morning_or_is_dropped_but_never_sent_at_night(
    run, queued, make_customer, settings
):
    settings.QUIET_HOURS = "21:00-08:00"
    due = NIGHT - timedelta(hours=6)
    with time_machine.travel(due - timedelta(days=10)):
        customers = {zone: make_customer(time_zone=zone) for zone in ZONES}
    patient = {zone: queued(customer, due_at=due) for zone, customer in customers.items()}
    hasty = queued(make_customer(time_zone="Europe/London"), due_at=due, useful_until=NIGHT + timedelta(hours=1))
    over = queued(make_customer(time_zone="America/New_York"), due_at=due, useful_until=NIGHT - timedelta(minutes=1))
    with time_machine.travel(NIGHT, tick=False):
        batch = claim_batch(run=run)
        assert [claim.message_id for claim in batch.claims] == [patient["America/New_York"].pk]
        assert batch.cancelled == 4
        assert claim_batch(run=run).claims == []
    assert outcome(patient["Europe/London"]) == ("planned", "", datetime(2026, 6, 11, 7, tzinfo=UTC))
    assert outcome(patient["Asia/Shanghai"]) == ("planned", "", datetime(2026, 6, 11, 0, tzinfo=UTC))
    assert outcome(hasty)[:2] == outcome(over)[:2] == ("cancelled", "too_late")
    assert (patient["Europe/London"].attempts, patient["Europe/London"].lease_until) == (0, None)
    with time_machine.travel(datetime(2026, 6, 11, 7, tzinfo=UTC), tick=False):
        assert {claim.message_id for claim in claim_batch(run=run).claims} == {
            patient["Europe/London"].pk,
            patient["Asia/Shanghai"].pk,
        }


def test_a_claim_judges_the_cap_again(run, queued):
    FrequencyCap.objects.create(maximum=1, days=1)
    capped, free = queued(), queued()
    had(capped.customer, ago=timedelta(minutes=5))
    assert [claim.message_id for claim in claim_batch(run=run).claims] == [free.pk]
    assert outcome(capped)[:2] == ("cancelled", "frequency_cap")


def test_claims_of_one_customers_messages_at_once_do_not_break_the_cap(run, queued, make_customer):
    """Twelve runs want each of eight customers at the same moment; each may have two messages."""
    FrequencyCap.objects.create(maximum=2, days=1)
    customers = [make_customer() for _ in range(8)]
    runs = [run] + [
        RunFactory(campaign=CampaignFactory(status=CampaignStatus.RUNNING), status=RunStatus.SENDING) for _ in range(11)
    ]
    for each in runs:
        for customer in customers:
            queued(customer, run=each)
    ready, errors = threading.Barrier(len(runs)), []

    def work(each):
        try:
            ready.wait()
            claim_batch(run=each)
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    workers = [threading.Thread(target=work, args=[each]) for each in runs]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert errors == []
    for customer in customers:
        states = sorted(Message.objects.filter(customer=customer).values_list("state", flat=True))
        assert states == ["cancelled"] * 10 + ["sending"] * 2
