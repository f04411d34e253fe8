import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from catalog.models import Item
from notifications.campaigns import plan
from notifications.campaigns.audience import audience_preview
from notifications.campaigns.lifecycle import launch_campaign, pause_campaign, resume_campaign, stop_campaign
from notifications.campaigns.plan import plan_run
from notifications.campaigns.schedule import start_due_runs
from notifications.choices import CampaignStatus, MessageState, RecipientStatus, RunStatus
from notifications.decisions.arms import HOLD_OUT, campaign_arms
from notifications.models import Campaign, Coupon, Message, Recipient, Suppression
from recommendations.models import Recommendation
from tests.factories import ConsentFactory, VariantFactory

pytestmark = pytest.mark.django_db


def launched(campaign):
    run = launch_campaign(campaign=campaign)
    start_due_runs()
    run.refresh_from_db()
    return run


def decisions(run):
    return {
        recipient.customer_id: (recipient.status, recipient.arm, recipient.propensity, recipient.variant_id)
        for recipient in run.recipients.all()
    }


def test_everyone_matched_is_decided_with_the_reason(campaign, make_customer):
    reached = [make_customer() for _ in range(30)]
    reasons = {
        make_customer(email="").pk: "no_address",
        make_customer(consent=None).pk: "no_consent",
        make_customer(consent=False).pk: "no_consent",
        make_customer(recommended=False).pk: "no_recommendation",
    }
    withdrawn = make_customer()
    ConsentFactory(customer=withdrawn, granted=False, recorded_at=timezone.now())
    given_back = make_customer(consent=False)
    ConsentFactory(customer=given_back, granted=True, recorded_at=timezone.now())
    suppressed = make_customer()
    Suppression.objects.create(channel="email", address_hash=suppressed.email_hash, reason="bad_address")
    reasons |= {withdrawn.pk: "no_consent", suppressed.pk: "suppressed_address"}
    make_customer(country="DE")

    run = launched(campaign)
    preview = audience_preview(campaign)
    assert plan_run(run_id=run.pk) == 37

    found = {r.customer_id: r.suppression for r in run.recipients.filter(status=RecipientStatus.SUPPRESSED)}
    assert found == reasons
    arms = campaign_arms(campaign)
    for customer in [*reached, given_back]:
        arm, propensity, variant = arms.draw(customer_id=customer.pk, language=customer.language)
        status = RecipientStatus.HELD_OUT if arm == HOLD_OUT else RecipientStatus.PLANNED
        assert decisions(run)[customer.pk] == (status, arm, propensity, variant)
    planned = run.recipients.filter(status=RecipientStatus.PLANNED)
    assert (preview.matched, preview.held_out, preview.will_receive) == (37, 31 - planned.count(), planned.count())
    assert preview.suppressed == {
        "no_address": 1, "no_consent": 3, "no_recommendation": 1, "suppressed_address": 1,
    }  # fmt: skip
    assert preview.liability == Decimal(5) * planned.count()
    run.refresh_from_db()
    assert (run.status, run.matched, run.shards.count()) == (RunStatus.SENDING, 37, 0)


def test_only_those_who_will_receive_get_a_coupon_and_a_message(campaign, make_customer):
    for _ in range(25):
        make_customer()
    run = launched(campaign)
    plan_run(run_id=run.pk)
    planned = run.recipients.filter(status=RecipientStatus.PLANNED)
    assert 0 < planned.count() < 25
    assert set(Message.objects.values_list("recipient", "state")) == {(r.pk, MessageState.PLANNED) for r in planned}
    assert {r.coupon.customer_id for r in planned} == {r.customer_id for r in planned}
    assert Coupon.objects.count() == planned.count()
    assert all(r.offer_id == campaign.offer_id for r in planned)
    held_out = run.recipients.filter(status=RecipientStatus.HELD_OUT)
    assert {(r.coupon_id, r.offer_id, r.variant_id) for r in held_out} == {(None, None, None)}
    assert {r.send_at for r in held_out} == {r.send_at for r in planned} != {None}


def test_items_are_the_best_that_are_on_sale_with_their_reasons(campaign, make_customer, items):
    customer = make_customer()
    Item.objects.filter(pk=items[0].pk).update(stock=0)
    Item.objects.filter(pk=items[2].pk).update(is_active=False)
    run = launched(campaign)
    plan_run(run_id=run.pk)
    recipient = run.recipients.get(customer=customer)
    assert recipient.item_ids == [items[1].pk, items[3].pk]
    assert recipient.reason_item_ids == [None, None]
    Item.objects.update(is_active=False)
    assert audience_preview(campaign).suppressed == {"no_recommendation": 1}


def test_a_campaign_without_items_reaches_customers_without_recommendations(campaign, make_customer):
    make_customer(recommended=False)
    campaign.item_count = campaign.hold_out_percent = 0
    campaign.save()
    run = launched(campaign)
    plan_run(run_id=run.pk)
    assert run.recipients.get().status == RecipientStatus.PLANNED
    assert run.recipients.get().item_ids == []


def test_variants_go_by_language_and_weight(campaign, make_customer):
    VariantFactory(campaign=campaign, name="B", weight=3)
    chinese = VariantFactory(campaign=campaign, name="A", language="zh-hans")
    english = [make_customer(language="en") for _ in range(40)]
    for _ in range(5):
        make_customer(language="zh-Hans")
    run = launched(campaign)
    plan_run(run_id=run.pk)
    planned = run.recipients.filter(status=RecipientStatus.PLANNED)
    assert {r.variant_id for r in planned.exclude(customer__in=english)} <= {chinese.pk}
    assert {r.arm for r in planned.filter(customer__in=english)} == {"A", "B"}
    assert {r.propensity for r in planned.filter(customer__in=english, arm="B")} == {0.8 * 3 / 4}


def test_a_plan_that_broke_off_goes_on_with_the_shards_that_are_left(campaign, make_customer, monkeypatch):
    customers = [make_customer() for _ in range(11)]
    monkeypatch.setattr(plan, "SHARD_SIZE", 4)
    run = launched(campaign)
    whole = plan._plan_shard
    calls = []

    def dies_in_the_second_shard(*args):
        calls.append(args)
        if len(calls) == 2:
            whole(*args)
            raise OperationalError("server closed the connection unexpectedly")
        return whole(*args)

    monkeypatch.setattr(plan, "_plan_shard", dies_in_the_second_shard)
    with pytest.raises(OperationalError):
        plan_run(run_id=run.pk)
    run.refresh_from_db()
    assert run.status == RunStatus.PLANNING
    before = decisions(run)
    monkeypatch.setattr(plan, "_plan_shard", whole)
    assert plan_run(run_id=run.pk) == 11 - len(before)
    run.refresh_from_db()
    assert run.status == RunStatus.SENDING
    assert set(decisions(run)) == {customer.pk for customer in customers}
    assert decisions(run).items() >= before.items()
    assert Coupon.objects.count() == Message.objects.count() == run.recipients.filter(status="planned").count()
    assert plan_run(run_id=run.pk) == 0


def test_a_shard_is_kept_whole_or_not_at_all(campaign, make_customer, monkeypatch):
    make_customer()
    run = launched(campaign)

    def lost(**kwargs):
        raise OperationalError("lost")

    monkeypatch.setattr(plan, "issue_coupons", lost)
    with pytest.raises(OperationalError):
        plan_run(run_id=run.pk)
    assert (run.shards.count(), Recipient.objects.count(), Message.objects.count()) == (1, 0, 0)


def test_a_run_decides_those_who_matched_when_it_began(campaign, make_customer):
    make_customer()
    run = launched(campaign)
    assert plan.divide_run(run_id=run.pk)
    make_customer()
    assert not plan.divide_run(run_id=run.pk)
    assert plan_run(run_id=run.pk) == 1
    run.refresh_from_db()
    assert (run.matched, run.status) == (1, RunStatus.SENDING)


def test_nobody_is_decided_after_a_stop(campaign, make_customer, monkeypatch):
    for _ in range(4):
        make_customer()
    monkeypatch.setattr(plan, "SHARD_SIZE", 1)
    run = launched(campaign)
    plan.divide_run(run_id=run.pk)
    plan._plan_shard(run, campaign_arms(campaign))
    campaign.refresh_from_db()
    stop_campaign(campaign=campaign)
    assert plan._plan_shard(run, campaign_arms(campaign)) == plan_run(run_id=run.pk) == 0
    run.refresh_from_db()
    assert (run.status, run.shards.count(), run.recipients.count()) == (RunStatus.STOPPED, 0, 1)


def test_a_list_is_shown_as_it_stands_where_all_of_it_may_be(campaign, make_customer, items):
    """The first items as a whole, and picked one by one, are the same answer."""
    campaign.item_count = 3
    campaign.item_choice = "new"
    campaign.hold_out_percent = 0
    campaign.save()
    whole, bought, short, empty = (make_customer() for _ in range(4))
    ids = [item.pk for item in items]
    Recommendation.objects.filter(customer=bought).update(bought_before=[True, False, False, False])
    Recommendation.objects.filter(customer=short).update(
        item_ids=ids[:1], reason_item_ids=ids[1:2], bought_before=[False], scores=[1.0]
    )
    Recommendation.objects.filter(customer=empty).update(item_ids=[], reason_item_ids=[], bought_before=[], scores=[])
    run = launched(campaign)
    plan_run(run_id=run.pk)
    shown = {r.customer_id: (r.item_ids, r.reason_item_ids, r.suppression) for r in run.recipients.all()}
    assert shown[whole.pk] == (ids[:3], [ids[3], None, None], "")
    assert shown[bought.pk] == (ids[1:4], [None, None, None], "")
    assert shown[short.pk] == (ids[:1], ids[1:2], "")
    assert shown[empty.pk] == ([], [], "no_recommendation")


def test_planning_stops_while_the_campaign_is_paused(campaign, make_customer):
    make_customer()
    run = launched(campaign)
    campaign.refresh_from_db()
    pause_campaign(campaign=campaign)
    assert plan_run(run_id=run.pk) == 0
    resume_campaign(campaign=campaign)
    assert plan_run(run_id=run.pk) == 1


def test_an_error_fails_the_run_and_says_why(campaign, make_customer):
    make_customer()
    run = launched(campaign)
    campaign.offer.valid_until = timezone.now() - timedelta(minutes=1)
    campaign.offer.save()
    Campaign.objects.update(hold_out_percent=0)
    with pytest.raises(ValueError, match="is over since"):
        plan_run(run_id=run.pk)
    run.refresh_from_db()
    campaign.refresh_from_db()
    assert run.status == RunStatus.FAILED
    assert "is over since" in run.error
    assert campaign.status == CampaignStatus.STOPPED
    assert Message.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_two_planners_at_once_decide_everyone_once(campaign, make_customer, monkeypatch):
    for _ in range(40):
        make_customer()
    monkeypatch.setattr(plan, "SHARD_SIZE", 3)
    run = launched(campaign)
    errors = []

    def work():
        try:
            plan_run(run_id=run.pk)
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert run.recipients.count() == 40
    assert Message.objects.count() == Coupon.objects.count() == run.recipients.filter(status="planned").count()
    run.refresh_from_db()
    assert run.status == RunStatus.SENDING
