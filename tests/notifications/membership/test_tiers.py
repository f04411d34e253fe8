from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from notifications.choices import PointsKind, TierBasis
from notifications.membership.ledger import credit_points
from notifications.membership.reminders import coupons_about_to_expire, points_about_to_expire, tier_changes
from notifications.membership.standing import standing_of
from notifications.membership.tiers import evaluate_tiers
from notifications.models import PointsAccount, Tier, TierChange
from tests.factories import CouponFactory, CustomerFactory, OrderFactory

pytestmark = pytest.mark.django_db
NOW = timezone.now()


@pytest.fixture
def tiers():
    silver = Tier.objects.create(name="Silver", rank=1, threshold=100, window_days=365)
    gold = Tier.objects.create(name="Gold", rank=2, threshold=500, basis=TierBasis.POINTS, window_days=None)
    return silver, gold


def buy(customer, total, days_ago=1, **more):
    OrderFactory(customer=customer, total=total, currency="GBP", placed_at=NOW - timedelta(days=days_ago), **more)


def tier_of(customer):
    account = PointsAccount.objects.filter(customer=customer).select_related("tier").first()
    return account and account.tier


def test_the_highest_tier_that_is_reached_is_given_and_each_change_is_kept(tiers):
    silver, gold = tiers
    spender, collector, both, nobody = CustomerFactory.create_batch(4)
    buy(spender, "60.00")
    buy(spender, "45.00")
    buy(both, "150.00")
    buy(nobody, "150.00", refunded="51.00")
    for customer in (collector, both):
        credit_points(customer_id=customer.pk, points=500, kind=PointsKind.EARNED, source=f"x:{customer.pk}")
    assert evaluate_tiers() == 3
    assert evaluate_tiers() == 0
    assert [tier_of(one) for one in (spender, collector, both, nobody)] == [silver, gold, gold, None]
    assert set(TierChange.objects.values_list("customer", "before", "after")) == {
        (spender.pk, None, silver.pk),
        (collector.pk, None, gold.pk),
        (both.pk, None, gold.pk),
    }


def test_what_leaves_the_window_counts_no_more(tiers):
    customer = CustomerFactory()
    buy(customer, "120.00", days_ago=300)
    evaluate_tiers()
    with time_machine.travel(NOW + timedelta(days=70), tick=False):
        assert evaluate_tiers(customer_ids=[CustomerFactory().pk]) == 0
        assert evaluate_tiers(customer_ids=[customer.pk]) == 1
    assert tier_of(customer) is None
    assert TierChange.objects.last().after is None


def test_points_given_by_hand_raise_nobody(tiers):
    customer = CustomerFactory()
    credit_points(customer_id=customer.pk, points=900, kind=PointsKind.ADJUSTED, source="x")
    assert evaluate_tiers() == 0


def test_the_standing_says_what_the_next_tier_asks_for(tiers):
    silver, gold = tiers
    customer = CustomerFactory()
    buy(customer, "70.00")
    standing = standing_of(customer)
    assert (standing.balance, standing.tier, standing.next_tier, standing.missing) == (0, None, silver, Decimal(30))
    buy(customer, "30.00")
    credit_points(customer_id=customer.pk, points=120, kind=PointsKind.EARNED, source="x")
    evaluate_tiers()
    standing = standing_of(customer)
    assert (standing.balance, standing.tier, standing.next_tier, standing.missing) == (120, silver, gold, 380)


def selected(reminders):
    with connection.cursor() as cursor:
        cursor.execute(reminders.sql, reminders.params)
        return {customer: (at, reference) for customer, at, reference in cursor.fetchall()}


def test_reminders_of_points_leave_out_what_was_used(settings):
    settings.POINTS_KEEP_DAYS = 30
    soon, used, later = CustomerFactory.create_batch(3)
    with time_machine.travel(NOW - timedelta(days=25), tick=False):
        for customer in (soon, used):
            credit_points(customer_id=customer.pk, points=10, kind=PointsKind.EARNED, source=f"x:{customer.pk}")
    credit_points(customer_id=later.pk, points=10, kind=PointsKind.EARNED, source="y")
    PointsAccount.objects.filter(customer=used).update(debited=10)
    found = selected(points_about_to_expire(within=timedelta(days=7), now=NOW))
    assert list(found) == [soon.pk]
    assert found[soon.pk] == (NOW + timedelta(days=5), f"points:{NOW + timedelta(days=5):%Y-%m-%d}")


def test_reminders_of_coupons_are_of_valid_unused_ones():
    wanted = CouponFactory(issued_at=NOW - timedelta(days=12))
    CouponFactory(issued_at=NOW)
    CouponFactory(issued_at=NOW - timedelta(days=12), uses=1)
    CouponFactory(issued_at=NOW - timedelta(days=15))
    found = selected(coupons_about_to_expire(within=timedelta(days=3), now=NOW))
    assert found == {wanted.customer_id: (wanted.valid_until, f"coupon:{wanted.pk}")}


def test_tier_changes_are_found_once_per_customer(tiers):
    customer = CustomerFactory()
    buy(customer, "120.00")
    evaluate_tiers()
    change = TierChange.objects.get()
    now = timezone.now()
    assert selected(tier_changes(since=NOW - timedelta(days=1), now=now)) == {
        customer.pk: (change.at, f"tier:{change.pk}")
    }
    assert selected(tier_changes(since=now, now=now)) == {}
    assert selected(tier_changes(since=NOW - timedelta(days=1), now=now, tier_id=tiers[1].pk)) == {}
