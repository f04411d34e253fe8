from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from notifications.campaigns.clone import clone_campaign
from notifications.campaigns.lifecycle import (
    IllegalMoveError,
    LaunchRefusedError,
    launch_campaign,
    pause_campaign,
    resume_campaign,
    stop_campaign,
)
from notifications.campaigns.plan import plan_run
from notifications.campaigns.schedule import complete_runs, runs_to_plan, start_due_runs
from notifications.choices import CAMPAIGN_MOVES, CampaignStatus, MessageState, RunStatus
from notifications.models import Campaign, Message
from tests.factories import CampaignFactory, RunFactory, SegmentFactory

pytestmark = pytest.mark.django_db

MOVES = [
    (pause_campaign, CampaignStatus.RUNNING, CampaignStatus.PAUSED),
    (resume_campaign, CampaignStatus.PAUSED, CampaignStatus.RUNNING),
    (stop_campaign, CampaignStatus.RUNNING, CampaignStatus.STOPPED),
    (stop_campaign, CampaignStatus.PAUSED, CampaignStatus.STOPPED),
    (stop_campaign, CampaignStatus.SCHEDULED, CampaignStatus.STOPPED),
]


@pytest.mark.parametrize("move", [pause_campaign, resume_campaign, stop_campaign])
@pytest.mark.parametrize("status", list(CampaignStatus))
def test_a_campaign_moves_only_along_its_table(move, status):
    campaign = CampaignFactory(status=status)
    allowed = {before: after for each, before, after in MOVES if each is move}
    if status in allowed:
        move(campaign=campaign)
        assert Campaign.objects.get().status == campaign.status == allowed[status]
        assert allowed[status] in CAMPAIGN_MOVES[status]
    else:
        with pytest.raises(IllegalMoveError, match="cannot become"):
            move(campaign=campaign)
        assert Campaign.objects.get().status == status


def test_a_ready_campaign_is_scheduled_for_its_time_and_only_once(campaign, make_customer):
    make_customer()
    campaign.scheduled_at = timezone.now() + timedelta(hours=2)
    run = launch_campaign(campaign=campaign)
    assert (run.scheduled_at, run.status) == (campaign.scheduled_at, RunStatus.PENDING)
    assert campaign.status == CampaignStatus.SCHEDULED
    with pytest.raises(IllegalMoveError):
        launch_campaign(campaign=campaign)
    assert campaign.runs.count() == 1


def test_a_campaign_launched_from_a_stale_page_is_not_launched_twice(campaign, make_customer):
    make_customer()
    stale = Campaign.objects.get()
    launch_campaign(campaign=campaign)
    with pytest.raises(IllegalMoveError):
        launch_campaign(campaign=stale)
    assert campaign.runs.count() == 1


def test_everything_that_is_not_ready_is_said_at_once(campaign):
    campaign.variants.update(html="<p>{{ customer.firstname }}</p>")
    campaign.offer.valid_until = timezone.now() - timedelta(days=1)
    campaign.channel = "pigeon"
    with pytest.raises(LaunchRefusedError) as refused:
        launch_campaign(campaign=campaign)
    problems = "\n".join(refused.value.problems)
    for expected in ("Nothing delivers on the channel", "“text” is empty", "is over since", "matches nobody"):
        assert expected in problems
    assert len(refused.value.problems) == 4
    assert Campaign.objects.get().status == CampaignStatus.DRAFT


def test_no_variant_a_spent_budget_and_a_bad_rule_are_refused(campaign, make_customer):
    make_customer()
    campaign.variants.all().delete()
    campaign.offer.budget = campaign.offer.committed = Decimal(100)
    campaign.segment = SegmentFactory(rule={"nonsense": True})
    with pytest.raises(LaunchRefusedError) as refused:
        launch_campaign(campaign=campaign)
    for word, problem in zip(("variant", "budget", "Segment"), refused.value.problems, strict=True):
        assert word in problem


def test_runs_start_when_they_are_due_and_once(campaign, make_customer):
    make_customer()
    moment = timezone.now() + timedelta(hours=1)
    run = launch_campaign(campaign=campaign, at=moment)
    assert start_due_runs() == 0
    assert start_due_runs(now=moment) == 1
    assert start_due_runs(now=moment) == 0
    run.refresh_from_db()
    campaign.refresh_from_db()
    assert (run.status, campaign.status) == (RunStatus.PLANNING, CampaignStatus.RUNNING)
    assert runs_to_plan() == [run.pk]
    pause_campaign(campaign=campaign)
    assert runs_to_plan() == []


def test_stopping_cancels_what_was_not_sent_and_the_coupons_nobody_saw(campaign, make_customer):
    for _ in range(8):
        make_customer()
    campaign.hold_out_percent = 0
    campaign.save()
    run = launch_campaign(campaign=campaign)
    start_due_runs()
    plan_run(run_id=run.pk)
    campaign.refresh_from_db()
    sent = Message.objects.first()
    Message.objects.filter(pk=sent.pk).update(state=MessageState.SENT)
    stop_campaign(campaign=campaign)
    run.refresh_from_db()
    assert run.status == RunStatus.STOPPED
    assert Message.objects.filter(state=MessageState.CANCELLED).count() == 7
    assert [coupon.status for coupon in run.coupons.exclude(pk=sent.recipient.coupon_id)] == ["cancelled"] * 7
    assert sent.recipient.coupon.status == "issued"


def test_a_run_without_open_messages_completes_with_its_campaign(campaign, make_customer):
    make_customer()
    run = launch_campaign(campaign=campaign)
    start_due_runs()
    plan_run(run_id=run.pk)
    campaign.hold_out_percent = 0
    assert complete_runs() == (0 if Message.objects.exists() else 1)
    Message.objects.update(state=MessageState.UNKNOWN)
    complete_runs()
    run.refresh_from_db()
    campaign.refresh_from_db()
    assert (run.status, campaign.status) == (RunStatus.COMPLETED, CampaignStatus.COMPLETED)


def test_a_campaign_with_another_open_run_goes_on(campaign):
    Campaign.objects.update(status=CampaignStatus.RUNNING)
    RunFactory(campaign=campaign, status=RunStatus.SENDING)
    RunFactory(campaign=campaign, status=RunStatus.PENDING, scheduled_at=timezone.now() + timedelta(days=1))
    assert complete_runs() == 1
    assert Campaign.objects.get().status == CampaignStatus.RUNNING


def test_a_clone_is_a_draft_of_its_own(campaign):
    Campaign.objects.update(status=CampaignStatus.COMPLETED)
    first, second = clone_campaign(campaign=campaign), clone_campaign(campaign=campaign)
    assert {first.name, second.name} == {f"{campaign.name} (copy)", f"{campaign.name} (copy 2)"}
    assert first.status == CampaignStatus.DRAFT
    assert first.hold_out_seed != campaign.hold_out_seed
    assert first.variants.get().html == campaign.variants.get().html
    assert campaign.variants.count() == 1
