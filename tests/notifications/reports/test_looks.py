from datetime import timedelta

import pytest
from django.utils import timezone

from notifications.choices import CampaignStatus, RecipientStatus, RunStatus
from notifications.decisions.arms import HOLD_OUT
from notifications.reports import campaign_report
from notifications.reports.comparison import Finding
from notifications.reports.looks import LOOKS, judge_campaign
from tests.factories import CampaignFactory, OrderFactory, RecipientFactory, RunFactory

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def start(now):
    """Ten days ago: half of the window is over, and ten of the twenty looks."""
    return now - 10 * DAY - timedelta(minutes=1)


@pytest.fixture
def campaign():
    return CampaignFactory(hold_out_percent=50, attribution_days=20, status=CampaignStatus.COMPLETED)


@pytest.fixture
def decide(campaign, start):
    run = RunFactory(campaign=campaign, status=RunStatus.COMPLETED, scheduled_at=start)

    def make(arm, customers, buyers, *, after=DAY, run=run, at=start):
        status = RecipientStatus.HELD_OUT if arm == HOLD_OUT else RecipientStatus.PLANNED
        for number in range(customers):
            recipient = RecipientFactory(run=run, arm=arm, status=status, send_at=at, decided_at=at)
            if number < buyers:
                OrderFactory(customer=recipient.customer, placed_at=at + after)

    return make


def judged(campaign, now):
    return judge_campaign(campaign, currency="GBP", now=now)


def test_before_anybody_is_decided_there_is_nothing_to_judge(campaign, now):
    found = judged(campaign, now)
    assert (found.span, found.looks, found.direction, found.is_over) == (None, [], 0, False)
    assert (found.days_left(now), found.next_look(now)) == (0, None)


def test_each_look_sees_what_was_so_then(campaign, decide, now, start):
    decide("A", 20, 6, after=1.5 * DAY)
    decide("A", 20, 4, after=6.5 * DAY)
    decide(HOLD_OUT, 30, 3, after=3.5 * DAY)
    looks = {look.number: look for look in judged(campaign, now).looks}
    assert set(looks) == {2, 4, 7}, "looks at which nothing is new are left out"
    assert [(look.treated, look.treated_buyers, look.held_out, look.held_out_buyers) for look in looks.values()] == [
        (40, 6, 30, 0),
        (40, 6, 30, 3),
        (40, 10, 30, 3),
    ]
    assert looks[2].at == start + 2 * DAY
    assert looks[2].bound > looks[4].bound > looks[7].bound > 1.96


def test_the_verdict_does_not_change_between_two_looks(campaign, decide, now):
    decide("A", 120, 90)
    decide(HOLD_OUT, 120, 10)
    hours = [judged(campaign, now + timedelta(hours=hour)) for hour in (0, 5, 11, 22)]
    assert all(found.looks == hours[0].looks for found in hours)
    assert hours[0].direction == 1
    assert hours[0].next_look(now) - now == pytest.approx(DAY, abs=timedelta(minutes=2))


def test_a_lift_that_would_do_at_the_end_does_not_do_early(campaign, decide, now, start):
    decide("A", 200, 40)
    decide(HOLD_OUT, 200, 22)
    early, late = judged(campaign, start + 2 * DAY), judged(campaign, start + 21 * DAY)
    assert (early.direction, early.is_over) == (0, False)
    comparison = campaign_report(campaign).comparison
    assert comparison.finding == Finding.NOT_ENOUGH_DATA
    assert not comparison.conversion.excludes_zero, "what is shown agrees with the verdict"
    assert "10 more days" in comparison.sentence
    assert late.looks[-1].z == pytest.approx(2.5, abs=0.1)


def test_a_campaign_that_goes_on_is_measured_over_its_first_ninety_days(campaign, decide, now, start):
    campaign.status = CampaignStatus.RUNNING
    campaign.save()
    decide("A", 5, 1)
    assert judged(campaign, now).span.end == start + 20 * DAY
    later = RunFactory(campaign=campaign, scheduled_at=start + 7 * DAY)
    decide("A", 5, 1, run=later, at=start + 7 * DAY)
    span = judged(campaign, now).span
    assert span.end == start + 110 * DAY
    assert span.moments[-1] == span.end
    assert len(span.moments) == LOOKS


def test_simulated_shoppers_are_judged_at_once(campaign, decide, now):
    campaign.is_simulated = True
    campaign.save()
    decide("A", 120, 50)
    decide(HOLD_OUT, 120, 20)
    found = judged(campaign, now)
    assert [look.number for look in found.looks] == [1]
    assert found.bound == pytest.approx(1.96, abs=1e-3)
    assert campaign_report(campaign).comparison.finding == Finding.LIFT
