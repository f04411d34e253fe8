import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from notifications.choices import MessageState, RecipientStatus, RunStatus
from notifications.decisions.arms import HOLD_OUT
from notifications.models import Redemption
from notifications.reports import campaign_report
from notifications.reports.comparison import Finding
from tests.factories import (
    CampaignFactory,
    CouponFactory,
    MessageFactory,
    OfferFactory,
    OrderFactory,
    RecipientFactory,
    RunFactory,
)

pytestmark = pytest.mark.django_db

SENT = timezone.now() - timedelta(days=30)


@pytest.fixture
def campaign():
    return CampaignFactory(offer=OfferFactory(), hold_out_percent=20, attribution_days=14, is_simulated=True)


@pytest.fixture
def decide(campaign):
    run = RunFactory(campaign=campaign, status=RunStatus.COMPLETED, scheduled_at=SENT)

    def make(arm="A", *, run=run, **fields):
        status = RecipientStatus.HELD_OUT if arm == HOLD_OUT else RecipientStatus.PLANNED
        return RecipientFactory(run=run, arm=arm, status=status, **({"send_at": SENT, "decided_at": SENT} | fields))

    return make


def order(recipient, *, after=timedelta(days=1), **fields):
    return OrderFactory(customer=recipient.customer, placed_at=SENT + after, **fields)


def redeem(recipient, amount):
    coupon = CouponFactory(customer=recipient.customer, run=recipient.run, offer=recipient.run.campaign.offer)
    Redemption.objects.create(
        coupon=coupon, order_external_id="o", state="committed", amount=amount, order_total=50, currency="GBP",
        reserved_at=SENT, expires_at=SENT,
    )  # fmt: skip
    return coupon


def arm(report, name):
    return next(each for each in report.arms if each.arm == name)


def test_the_funnel_counts_every_state_once(campaign, decide):
    states = [MessageState.SENT] * 4 + [MessageState.FAILED, MessageState.UNKNOWN, MessageState.CANCELLED]
    recipients = [decide() for _ in states]
    for recipient, state in zip(recipients, states, strict=True):
        MessageFactory(recipient=recipient, state=state, first_clicked_at=SENT if recipient is recipients[0] else None)
    redeem(recipients[0], 5)
    decide(HOLD_OUT)
    for reason in ("no_consent", "no_consent", "no_address"):
        RecipientFactory(run=recipients[0].run, status="suppressed", suppression=reason, arm="", send_at=None)
    funnel = campaign_report(campaign).funnel
    assert funnel.matched == 11
    assert funnel.suppressed == {"no_address": 1, "no_consent": 2}
    assert (funnel.held_out, funnel.planned) == (1, 7)
    assert (funnel.sent, funnel.failed, funnel.unknown, funnel.cancelled, funnel.waiting) == (4, 1, 1, 1, 0)
    assert (funnel.clicked, funnel.redeemed) == (1, 1)


def test_orders_count_inside_the_window_of_their_customer_only(campaign, decide):
    buyer, early, late, edge, nobody = (decide() for _ in range(5))
    held_out = decide(HOLD_OUT)
    order(buyer, total=40, refunded=10)
    order(buyer, after=timedelta(days=13), total=20)
    order(early, after=-timedelta(seconds=1))
    order(late, after=timedelta(days=14))
    order(edge, after=timedelta(0), total=7)
    order(held_out, total=11)
    OrderFactory(total=1000, placed_at=SENT)
    report = campaign_report(campaign)
    treated = arm(report, "A")
    assert (treated.customers, treated.buyers, treated.orders, treated.revenue) == (5, 2, 3, Decimal(57))
    assert (arm(report, HOLD_OUT).buyers, arm(report, HOLD_OUT).revenue) == (1, Decimal(11))
    assert nobody.customer.orders.count() == 0


@pytest.mark.parametrize("fields", [{"status": "cancelled"}, {"status": "refunded"}, {"currency": "USD"}])
def test_orders_that_are_void_or_in_other_money_do_not_count(campaign, decide, fields):
    order(decide(), **fields)
    assert arm(campaign_report(campaign), "A").buyers == 0


def test_a_customer_of_several_runs_counts_once_and_so_do_the_orders(campaign, decide):
    first = decide("A")
    second_run = RunFactory(campaign=campaign, scheduled_at=SENT + timedelta(days=3))
    decide("B", run=second_run, customer=first.customer, send_at=SENT + timedelta(days=3))
    order(first, after=timedelta(days=4), total=10)
    order(first, after=timedelta(days=16), total=5)
    report = campaign_report(campaign)
    assert [(each.arm, each.customers, each.orders, each.revenue) for each in report.arms] == [("A", 1, 2, Decimal(15))]


def test_coupon_cost_is_told_apart_and_attribution_counts_each_order_once(campaign, decide):
    recipient, clicked = decide(), decide()
    coupon = redeem(recipient, Decimal("5.00"))
    recipient.coupon = coupon
    recipient.save()
    MessageFactory(recipient=recipient, state="sent", first_clicked_at=SENT)
    MessageFactory(recipient=clicked, state="sent", first_clicked_at=SENT + timedelta(days=2))
    order(recipient, total=45, discount=5, coupon_code=coupon.code.lower())
    order(clicked, after=timedelta(days=3), total=20)
    order(clicked, after=timedelta(days=1), total=99)
    report = campaign_report(campaign)
    assert (arm(report, "A").coupon_cost, arm(report, "A").redemptions) == (Decimal("5.00"), 1)
    assert (report.attributed["coupon"].orders, report.attributed["coupon"].revenue) == (1, Decimal(45))
    assert (report.attributed["click"].orders, report.attributed["click"].revenue) == (1, Decimal(20))


def test_a_gift_is_taken_off_what_its_customer_paid(campaign, decide):
    recipient = decide()
    redeem(recipient, 0)
    Redemption.objects.update(cost=4)
    order(recipient, total=45)
    treated = arm(campaign_report(campaign), "A")
    assert (treated.coupon_cost, treated.revenue) == (Decimal(4), Decimal(41))


def many(decide, name, customers, buyers, **fields):
    for number in range(customers):
        recipient = decide(name)
        if number < buyers:
            order(recipient, **fields)


def test_a_lift_is_claimed_when_the_interval_excludes_zero(campaign, decide):
    many(decide, "A", 260, 80, total=30)
    many(decide, "B", 140, 50, total=30)
    many(decide, HOLD_OUT, 100, 10, total=30)
    report = campaign_report(campaign)
    comparison = report.comparison
    assert comparison.finding == Finding.LIFT
    assert (comparison.treated.customers, comparison.treated.buyers) == (400, 130)
    assert comparison.conversion.estimate == pytest.approx(130 / 400 - 0.1)
    assert comparison.incremental_buyers.estimate == pytest.approx(90)
    assert comparison.revenue.estimate == pytest.approx(30 * (130 / 400 - 0.1))
    assert comparison.revenue.low > 0
    assert comparison.sample_ratio_p_value == 1
    assert "32.5%" in comparison.sentence
    assert not report.is_preliminary


def test_without_power_the_report_says_so_instead_of_no_lift(campaign, decide):
    many(decide, "A", 400, 44)
    many(decide, HOLD_OUT, 100, 10)
    comparison = campaign_report(campaign).comparison
    assert comparison.finding == Finding.NOT_ENOUGH_DATA
    assert comparison.customers_missing > 1000
    assert comparison.sentence.startswith("Not enough data yet")


def test_ten_customers_prove_nothing_however_far_apart_they_are(campaign, decide):
    many(decide, "A", 8, 8)
    many(decide, HOLD_OUT, 2, 0)
    assert campaign_report(campaign).comparison.finding == Finding.NOT_ENOUGH_DATA


def test_a_broken_split_is_reported_instead_of_a_lift(campaign, decide):
    many(decide, "A", 460, 200)
    many(decide, HOLD_OUT, 40, 2)
    comparison = campaign_report(campaign).comparison
    assert comparison.finding == Finding.MISMATCH
    assert comparison.sample_ratio_p_value < 0.001


def test_without_a_hold_out_nothing_is_claimed(decide, campaign):
    campaign.hold_out_percent = 0
    many(decide, "A", 3, 1)
    comparison = campaign_report(campaign).comparison
    assert (comparison.finding, comparison.conversion, comparison.revenue) == (Finding.NO_HOLD_OUT, None, None)


def test_an_empty_campaign_has_a_report_and_every_report_is_json(campaign, decide):
    report = campaign_report(CampaignFactory())
    assert (report.funnel.matched, report.arms, report.window_ends_at, report.is_preliminary) == (0, [], None, True)
    json.dumps(report.as_dict())
    many(decide, "A", 3, 1)
    decide(HOLD_OUT)
    data = json.loads(json.dumps(campaign_report(campaign).as_dict()))
    assert data["is_simulated"] is True
    assert data["arms"][0]["revenue"] == "50.00"


def test_figures_are_preliminary_until_the_window_closes(campaign, decide):
    campaign.is_simulated = False
    decide(send_at=timezone.now() - timedelta(days=13))
    assert campaign_report(campaign).is_preliminary
