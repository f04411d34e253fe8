from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from notifications.models import Campaign, Coupon, Run
from notifications.offers import issue
from notifications.offers.issue import OfferNotIssuableError, coupon_validity, issue_coupons
from tests.factories import CustomerFactory, OfferFactory, SegmentFactory

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.fixture
def run():
    campaign = Campaign.objects.create(name="We miss you", segment=SegmentFactory())
    return Run.objects.create(campaign=campaign, scheduled_at=NOW)


def test_every_customer_gets_one_coupon_with_the_terms_of_the_offer(run):
    offer = OfferFactory(valid_days=14, uses_per_coupon=2)
    customers = CustomerFactory.create_batch(3)
    assert issue_coupons(offer=offer, customer_ids=[c.pk for c in customers], run_id=run.pk, issued_at=NOW) == 3
    coupons = list(Coupon.objects.all())
    assert {coupon.customer_id for coupon in coupons} == {customer.pk for customer in customers}
    assert {coupon.valid_until for coupon in coupons} == {NOW + timedelta(days=14)}
    assert {(coupon.max_uses, coupon.uses, coupon.status) for coupon in coupons} == {(2, 0, "issued")}
    assert len({coupon.code for coupon in coupons}) == 3


def test_repeating_it_in_a_run_changes_nothing(run):
    offer = OfferFactory()
    ids = [customer.pk for customer in CustomerFactory.create_batch(3)]
    issue_coupons(offer=offer, customer_ids=ids[:2], run_id=run.pk, issued_at=NOW)
    before = dict(Coupon.objects.values_list("customer_id", "code"))
    assert issue_coupons(offer=offer, customer_ids=ids, run_id=run.pk, issued_at=NOW) == 1
    assert before.items() <= dict(Coupon.objects.values_list("customer_id", "code")).items()


def test_without_a_run_every_call_issues_anew():
    offer, customer = OfferFactory(), CustomerFactory()
    for _turn in range(2):
        assert issue_coupons(offer=offer, customer_ids=[customer.pk], run_id=None, issued_at=NOW) == 1
    assert Coupon.objects.count() == 2


def test_many_customers_go_in_batches_with_a_constant_number_of_queries(run, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(issue, "BATCH", 10)
    offer = OfferFactory()
    ids = [customer.pk for customer in CustomerFactory.create_batch(25)]
    with django_assert_num_queries(3 + 2):  # three batches inside one savepoint
        assert issue_coupons(offer=offer, customer_ids=ids, run_id=run.pk, issued_at=NOW) == 25


def test_an_offer_that_starts_later_gives_its_days_from_then_and_never_outlives_itself():
    start, end = NOW + timedelta(days=2), NOW + timedelta(days=10)
    assert coupon_validity(offer=OfferFactory.build(valid_from=start, valid_days=3), issued_at=NOW) == (
        start,
        start + timedelta(days=3),
    )
    assert coupon_validity(offer=OfferFactory.build(valid_until=end, valid_days=30), issued_at=NOW) == (NOW, end)


@pytest.mark.parametrize(
    ("terms", "words"),
    [({"valid_days": None}, "neither an end"), ({"valid_until": NOW - timedelta(days=1)}, "is over since 2026-02-28")],
)
def test_an_offer_whose_coupons_would_never_be_valid_is_refused(terms, words):
    with time_machine.travel(NOW, tick=False), pytest.raises(OfferNotIssuableError, match=words):
        issue_coupons(offer=OfferFactory(**terms), customer_ids=[CustomerFactory().pk], run_id=None, issued_at=NOW)
    assert Coupon.objects.count() == 0
