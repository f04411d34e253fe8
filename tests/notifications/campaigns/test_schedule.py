"""Recurring runs: one at a time, each once however many schedulers there are, late or dropped as the campaign says."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from notifications.campaigns.lifecycle import launch_campaign
from notifications.campaigns.plan import plan_run
from notifications.campaigns.schedule import complete_runs, runs_to_plan, start_due_runs
from notifications.choices import CampaignStatus, RunStatus
from notifications.models import Message, Recipient, Run
from tests.factories import TriggerFactory

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)  # a Monday


def hours(number):
    return NOON + timedelta(hours=number)


@pytest.fixture
def recurring(campaign, make_customer):
    """Launched on Monday noon, for every day at 09:00."""

    def make(customers=1, **trigger):
        for _ in range(customers):
            make_customer(**trigger.pop("customer", {}))
        TriggerFactory(campaign=campaign, **({"schedule": "0 9 * * *"} | trigger))
        launch_campaign(campaign=campaign, at=NOON)
        return campaign

    return make


def runs(campaign):
    found = campaign.runs.order_by("scheduled_at").values_list("scheduled_at", "status")
    return [(f"{moment:%d %H}", str(status)) for moment, status in found]


@pytest.mark.django_db
class TestMissed:
    def test_the_next_run_waits_as_soon_as_one_starts(self, recurring):
        campaign = recurring()
        assert runs(campaign) == [("03 09", "pending")]
        assert start_due_runs(now=hours(20)) == 0
        assert start_due_runs(now=hours(21)) == 1
        assert runs(campaign) == [("03 09", "planning"), ("04 09", "pending")]

    def test_a_machine_that_slept_for_days_makes_up_for_one_run(self, recurring):
        campaign = recurring(misfire="late")
        assert start_due_runs(now=hours(21 + 5 * 24)) == 1
        assert runs(campaign) == [("03 09", "planning"), ("09 09", "pending")]

    def test_or_drops_what_is_late_and_takes_what_is_in_time(self, recurring):
        campaign = recurring(misfire="drop", grace=30)
        assert start_due_runs(now=hours(21 + 5 * 24) + timedelta(minutes=20)) == 0
        assert runs(campaign) == [("03 09", "stopped"), ("08 09", "pending")]
        assert "Dropped" in campaign.runs.get(status="stopped").error
        assert start_due_runs(now=hours(21 + 5 * 24) + timedelta(minutes=20)) == 1
        assert runs(campaign)[1:] == [("08 09", "planning"), ("09 09", "pending")]

    @pytest.mark.parametrize(("minutes", "status"), [(30, "planning"), (31, "stopped")])
    def test_the_grace_decides(self, recurring, minutes, status):
        campaign = recurring(misfire="drop", grace=30)
        start_due_runs(now=hours(21) + timedelta(minutes=minutes))
        assert runs(campaign)[0] == ("03 09", status)

    @pytest.mark.parametrize(("misfire", "status"), [("late", "planning"), ("drop", "stopped")])
    def test_a_single_run_has_the_same_choice(self, recurring, misfire, status):
        campaign = recurring(kind="once", misfire=misfire, grace=60)
        start_due_runs(now=hours(3))
        assert runs(campaign) == [("02 12", status)]
        campaign.refresh_from_db()
        assert campaign.status == ("running" if misfire == "late" else CampaignStatus.COMPLETED)

    def test_it_completes_after_its_last_time(self, recurring):
        campaign = recurring(ends_at=hours(30), customer={"email": ""})
        start_due_runs(now=hours(21))
        plan_run(run_id=runs_to_plan()[0])
        assert complete_runs() == 1
        campaign.refresh_from_db()
        assert campaign.status == CampaignStatus.COMPLETED
        assert runs(campaign) == [("03 09", "completed")]


@pytest.mark.django_db
class TestLocalTime:
    ZONES = ("Asia/Tokyo", "Europe/Berlin", "America/Los_Angeles", "", "Mars/Olympus")

    def test_everyone_gets_it_at_nine_by_their_own_clock(self, campaign, make_customer):
        who = {zone: make_customer(time_zone=zone) for zone in self.ZONES}
        TriggerFactory(campaign=campaign, schedule="0 9 * * *", clock="customer", time_zone="Europe/London")
        campaign.hold_out_percent = 0
        campaign.save()
        launch_campaign(campaign=campaign, at=datetime(2026, 3, 28, 12, tzinfo=UTC))
        run = campaign.runs.get()
        assert run.scheduled_at == datetime(2026, 3, 28, 19, tzinfo=UTC)  # 09:00 on the 29th in Kiribati
        start_due_runs(now=run.scheduled_at)
        plan_run(run_id=run.pk)
        due = {r.customer_id: r.send_at for r in Recipient.objects.all()}
        assert {zone: due[customer.pk] for zone, customer in who.items()} == {
            "Asia/Tokyo": datetime(2026, 3, 29, 0, tzinfo=UTC),
            "Europe/Berlin": datetime(2026, 3, 29, 7, tzinfo=UTC),  # summer time has begun that night
            "America/Los_Angeles": datetime(2026, 3, 29, 16, tzinfo=UTC),
            "": datetime(2026, 3, 29, 8, tzinfo=UTC),
            "Mars/Olympus": datetime(2026, 3, 29, 8, tzinfo=UTC),
        }

    @pytest.mark.parametrize(("misfire", "reached"), [("late", 5), ("drop", 1)])
    def test_zones_whose_time_was_missed_are_late_or_dropped(self, campaign, make_customer, misfire, reached):
        who = {zone: make_customer(time_zone=zone) for zone in self.ZONES}
        TriggerFactory(
            campaign=campaign, schedule="0 9 * * *", clock="customer", time_zone="Europe/London", misfire=misfire
        )
        launch_campaign(campaign=campaign, at=datetime(2026, 3, 28, 12, tzinfo=UTC))
        run = campaign.runs.get()
        start_due_runs(now=datetime(2026, 3, 29, 12, tzinfo=UTC))
        plan_run(run_id=run.pk)
        assert run.recipients.count() == reached
        assert run.recipients.filter(customer=who["America/Los_Angeles"]).exists()

    def test_a_whole_run_is_dropped_when_its_time_is_over_everywhere(self, campaign, make_customer):
        make_customer()
        TriggerFactory(campaign=campaign, schedule="0 9 * * *", clock="customer", misfire="drop", grace=60)
        launch_campaign(campaign=campaign, at=datetime(2026, 3, 2, 12, tzinfo=UTC))
        assert start_due_runs(now=datetime(2026, 3, 3, 22, 1, tzinfo=UTC)) == 0
        assert campaign.runs.get(status=RunStatus.STOPPED).scheduled_at == datetime(2026, 3, 2, 19, tzinfo=UTC)


@pytest.mark.django_db(transaction=True)
def test_three_beats_and_four_workers_execute_every_run_once(campaign, make_customer):
    customers = [make_customer() for _ in range(40)]
    TriggerFactory(campaign=campaign, schedule="0 9 * * *")
    campaign.hold_out_percent = 0
    campaign.save()
    launch_campaign(campaign=campaign, at=NOON)
    errors = []
    together = threading.Barrier(7)

    def work(turn):
        try:
            for day in range(1, 6):
                together.wait(timeout=60)
                turn(NOON + timedelta(days=day))
        except BaseException as error:
            errors.append(error)
            together.abort()
        finally:
            connection.close()

    def plan(_now):
        for run_id in runs_to_plan():
            plan_run(run_id=run_id)

    turns = [lambda now: start_due_runs(now=now)] * 3 + [plan] * 4
    threads = [threading.Thread(target=work, args=(turn,)) for turn in turns]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert errors == []
    plan(None)
    started = Run.objects.exclude(status=RunStatus.PENDING)
    assert sorted(f"{run.scheduled_at:%m-%d %H:%M}" for run in started) == [f"03-0{day} 09:00" for day in range(3, 8)]
    assert Run.objects.filter(status=RunStatus.PENDING).count() == 1
    for run in started:
        decided = list(run.recipients.values_list("customer", flat=True))
        assert sorted(decided) == sorted(customer.pk for customer in customers)
    assert Message.objects.count() == 5 * 40
