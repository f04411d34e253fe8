from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone

from notifications.campaigns.history import campaign_history
from notifications.campaigns.lifecycle import (
    CountChangedError,
    IllegalMoveError,
    LaunchRefusedError,
    launch_campaign,
    pause_campaign,
    reopen_campaign,
)
from notifications.campaigns.review import (
    ApprovalRefusedError,
    approve_part,
    missing_parts,
    submit_campaign,
    withdraw_stale_approvals,
)
from notifications.choices import CampaignPart, CampaignStatus
from notifications.models import Campaign, Offer, Segment, Variant
from tests.factories import SegmentFactory
from users.models import User

pytestmark = pytest.mark.django_db
PARTS = [CampaignPart.MESSAGE, CampaignPart.AUDIENCE, CampaignPart.OFFER]


@pytest.fixture(autouse=True)
def _with_approvals(settings):
    settings.CAMPAIGN_APPROVALS = True


@pytest.fixture
def campaign(campaign, make_customer):
    Campaign.objects.update(hold_out_percent=0)
    make_customer()
    campaign.refresh_from_db()
    return campaign


@pytest.fixture
def make_user():
    def make(name, *parts):
        user = User.objects.create_user(name, is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=[f"approve_{part}" for part in parts]))
        return user

    return make


@pytest.fixture
def boss(make_user):
    return make_user("boss", *CampaignPart.values)


@pytest.fixture
def approved(campaign, boss):
    submit_campaign(campaign=campaign)
    for part in PARTS:
        approve_part(campaign=campaign, part=part, user=boss)
    assert campaign.status == CampaignStatus.APPROVED
    return campaign


def status():
    return Campaign.objects.values_list("status", flat=True).get()


def test_each_part_is_approved_by_whoever_may_and_the_last_one_approves_the_campaign(campaign, make_user):
    submit_campaign(campaign=campaign)
    for number, part in enumerate(PARTS):
        assert status() == CampaignStatus.IN_REVIEW
        assert missing_parts(campaign) == PARTS[number:]
        stranger = make_user(f"no {part}", *(each for each in CampaignPart.values if each != part))
        with pytest.raises(ApprovalRefusedError) as refused:
            approve_part(campaign=campaign, part=part, user=stranger)
        assert refused.value.code == "not_allowed"
        approve_part(campaign=campaign, part=part, user=make_user(f"yes {part}", part))
    assert status() == CampaignStatus.APPROVED
    launch_campaign(campaign=campaign)
    assert status() == CampaignStatus.SCHEDULED


def test_nothing_is_launched_without_approval(campaign, boss):
    with pytest.raises(IllegalMoveError):
        launch_campaign(campaign=campaign)
    with pytest.raises(ApprovalRefusedError) as refused:
        approve_part(campaign=campaign, part=CampaignPart.MESSAGE, user=boss)
    assert refused.value.code == "not_in_review"
    submit_campaign(campaign=campaign)
    with pytest.raises(IllegalMoveError):
        launch_campaign(campaign=campaign)
    with pytest.raises(IllegalMoveError):
        submit_campaign(campaign=campaign)


def test_a_campaign_without_an_offer_needs_no_approval_of_it(campaign, boss):
    Campaign.objects.update(offer=None)
    campaign.refresh_from_db()
    submit_campaign(campaign=campaign)
    with pytest.raises(ApprovalRefusedError) as refused:
        approve_part(campaign=campaign, part=CampaignPart.OFFER, user=boss)
    assert refused.value.code == "not_needed"
    for part in (CampaignPart.MESSAGE, CampaignPart.AUDIENCE):
        approve_part(campaign=campaign, part=part, user=boss)
    assert status() == CampaignStatus.APPROVED


EDITS = {
    "a subject": (CampaignPart.MESSAGE, lambda: Variant.objects.update(subject="Other")),
    "a weight": (CampaignPart.MESSAGE, lambda: Variant.objects.update(weight=7)),
    "the items": (CampaignPart.MESSAGE, lambda: Campaign.objects.update(item_count=1)),
    "the hold-out": (CampaignPart.AUDIENCE, lambda: Campaign.objects.update(hold_out_percent=5)),
    "the rule": (
        CampaignPart.AUDIENCE,
        lambda: Segment.objects.update(rule={"field": "customer.country", "op": "in", "value": ["GB", "DE"]}),
    ),
    "the terms": (CampaignPart.OFFER, lambda: Offer.objects.update(value=50)),
    "no offer": (CampaignPart.OFFER, lambda: Campaign.objects.update(offer=None)),
}


@pytest.mark.parametrize("start", [CampaignStatus.APPROVED, CampaignStatus.SCHEDULED])
@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_from_anywhere_withdraws_the_approval_of_its_part_and_of_no_other(approved, edit, start):
    if start == CampaignStatus.SCHEDULED:
        launch_campaign(campaign=approved, at=timezone.now() + timedelta(hours=1))
    part, change = EDITS[edit]
    change()
    withdraw_stale_approvals()
    assert set(approved.approvals.values_list("part", flat=True)) == set(PARTS) - {part}
    if edit != "no offer":
        assert status() == CampaignStatus.IN_REVIEW
        assert approved.runs.count() == 0
    assert [entry.change.part for entry in campaign_history(approved) if entry.change.kind == "withdrawn"] == [part]


def test_a_change_inside_a_segment_that_the_audience_refers_to_withdraws_too(campaign, boss):
    inner = SegmentFactory(name="Inner", rule={"field": "customer.country", "op": "=", "value": "GB"})
    Segment.objects.filter(pk=campaign.segment_id).update(rule={"all": [{"segment": "Inner"}]})
    campaign.refresh_from_db()
    submit_campaign(campaign=campaign)
    approve_part(campaign=campaign, part=CampaignPart.AUDIENCE, user=boss)
    Segment.objects.filter(pk=inner.pk).update(rule={"field": "customer.country", "op": "=", "value": "DE"})
    assert CampaignPart.AUDIENCE in missing_parts(campaign)


@pytest.mark.parametrize(
    "edit",
    [
        lambda: Campaign.objects.update(name="Renamed", attribution_days=3, useful_hours=4),
        lambda: Offer.objects.update(reserved=5, committed=5),
    ],
)
def test_what_needs_no_approval_withdraws_none(approved, edit):
    edit()
    withdraw_stale_approvals()
    assert status() == CampaignStatus.APPROVED


def test_an_edit_after_the_start_does_not_take_the_campaign_back(approved):
    launch_campaign(campaign=approved)
    Campaign.objects.update(status=CampaignStatus.RUNNING)
    EDITS["the rule"][1]()
    withdraw_stale_approvals()
    assert status() == CampaignStatus.RUNNING
    assert approved.approvals.count() == 3


def test_a_large_campaign_needs_somebody_else_as_well(campaign, boss, make_user, make_customer, settings):
    settings.SECOND_APPROVAL_ABOVE = 1
    make_customer()
    submit_campaign(campaign=campaign)
    for part in PARTS:
        approve_part(campaign=campaign, part=part, user=boss)
    assert status() == CampaignStatus.IN_REVIEW
    assert missing_parts(campaign) == [CampaignPart.WHOLE]
    with pytest.raises(ApprovalRefusedError) as refused:
        approve_part(campaign=campaign, part=CampaignPart.WHOLE, user=boss)
    assert refused.value.code == "same_person"
    second = make_user("second", *CampaignPart.values)
    approve_part(campaign=campaign, part=CampaignPart.WHOLE, user=second)
    assert status() == CampaignStatus.APPROVED
    EDITS["a subject"][1]()
    withdraw_stale_approvals()
    assert set(missing_parts(campaign)) == {CampaignPart.MESSAGE, CampaignPart.WHOLE}
    approve_part(campaign=campaign, part=CampaignPart.MESSAGE, user=second)
    with pytest.raises(ApprovalRefusedError):
        approve_part(campaign=campaign, part=CampaignPart.WHOLE, user=second)


def test_an_audience_that_grew_beyond_the_limit_since_is_not_launched(approved, make_customer, settings):
    settings.SECOND_APPROVAL_ABOVE = 3
    for _ in range(3):
        make_customer()
    with pytest.raises(LaunchRefusedError, match="second look"):
        launch_campaign(campaign=approved)
    settings.SECOND_APPROVAL_ABOVE = 0
    launch_campaign(campaign=approved)


def test_the_typed_number_must_be_the_number_of_recipients(approved):
    for typed in (-1, 0, 2):
        with pytest.raises(CountChangedError) as refused:
            launch_campaign(campaign=approved, confirmed=typed)
        assert refused.value.recipients == 1
    launch_campaign(campaign=approved, confirmed=1)


def test_back_to_draft_forgets_the_waiting_run_and_keeps_what_was_approved(approved, boss):
    launch_campaign(campaign=approved, at=timezone.now() + timedelta(hours=1))
    reopen_campaign(campaign=approved, user=boss)
    assert (status(), approved.runs.count(), missing_parts(approved)) == (CampaignStatus.DRAFT, 0, [])
    submit_campaign(campaign=approved)
    assert status() == CampaignStatus.APPROVED


def test_a_shop_without_approvals_launches_a_draft(campaign, settings):
    settings.CAMPAIGN_APPROVALS = False
    launch_campaign(campaign=campaign)
    assert status() == CampaignStatus.SCHEDULED


def test_the_history_says_who_did_what_and_what_changed(approved, boss):
    Offer.objects.update(value=7)
    launch_campaign(campaign=approved, user=boss) if not missing_parts(approved) else withdraw_stale_approvals()
    approve_part(campaign=approved, part=CampaignPart.OFFER, user=boss)
    launch_campaign(campaign=approved, user=boss)
    Campaign.objects.update(status=CampaignStatus.RUNNING)
    pause_campaign(campaign=approved, user=boss)
    entries = campaign_history(approved)[::-1]
    told = [(entry.change.kind, entry.change.part, str(entry.change.user or "")) for entry in entries]
    assert told == [
        ("submitted", "", ""),
        *(("approved", part, "boss") for part in PARTS),
        ("edited", "", ""),
        ("withdrawn", "offer", ""),
        ("approved", "offer", "boss"),
        ("launched", "", "boss"),
        ("paused", "", "boss"),
    ]
    assert [(each.path, each.before, each.after) for each in entries[4].differences] == [
        (("offer", "value"), "5.00", "7.00")
    ]
