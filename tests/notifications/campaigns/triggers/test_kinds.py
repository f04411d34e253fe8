"""Every kind of trigger, from what happens in the shop to a planned message."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from notifications.choices import CouponStatus
from notifications.models import Coupon, Enrolment, PointsAccount, PointsEntry, Tier, TierChange
from tests.factories import (
    CategoryFactory,
    CouponFactory,
    ItemFactory,
    PredictionFactory,
    RecommendationFactory,
)
from tests.notifications.campaigns.triggers.conftest import planned, ways
from users.ingestion.identities import identify
from users.models import Profile


def subject(campaign, who):
    return Enrolment.objects.get(campaign=campaign, customer__external_id=who).items


def test_an_abandoned_cart_is_written_about_as_it_lies(shop):
    kept, removed, sold_out = ItemFactory(), ItemFactory(), ItemFactory(stock=0)
    for who in ("ann", "bob"):
        shop.customer(who)
    shop.customer("cat", country="DE")
    shop.event(-1, "ann", "add_to_cart", kept)  # before the launch: too old to let anybody enter
    campaign = shop.launch(kind="cart_abandoned", wait=2, wait_unit="hours")
    for item in (kept, removed, sold_out):
        shop.event(0.5, "ann", "add_to_cart", item, quantity=2)
    shop.event(0.6, "ann", "remove_from_cart", removed)
    shop.event(0.5, "bob", "add_to_cart", kept)
    shop.event(0.5, "cat", "add_to_cart", kept)
    shop.turn(0.7)
    shop.order(1, "bob", kept)
    shop.turn(2.4)
    assert planned(campaign) == []
    shop.turn(2.6)
    assert planned(campaign) == ["ann"]
    assert subject(campaign, "ann") == [{"item": kept.pk, "quantity": 2}]
    assert sorted(ways(campaign)) == [
        ("ann", "sent", ""), ("bob", "exited", "acted"), ("cat", "dropped", "not_in_segment"),
    ]  # fmt: skip


def test_going_on_starts_the_wait_again(shop):
    item = ItemFactory()
    shop.customer("ann")
    campaign = shop.launch(kind="cart_abandoned", wait=2, wait_unit="hours")
    shop.event(0.5, "ann", "add_to_cart", item)
    shop.turn(0.6)
    shop.event(2, "ann", "add_to_cart", ItemFactory())
    shop.turn(2.1)
    shop.turn(3)
    assert planned(campaign) == []
    shop.turn(4.1)
    assert planned(campaign) == ["ann"]
    assert len(subject(campaign, "ann")) == 2


def test_an_emptied_cart_is_left_alone(shop):
    item = ItemFactory()
    shop.customer("ann")
    campaign = shop.launch(kind="cart_abandoned")
    shop.event(0.5, "ann", "add_to_cart", item)
    shop.turn(0.6)
    shop.event(0.7, "ann", "remove_from_cart", item)
    shop.turn(2)
    assert ways(campaign) == [("ann", "exited", "nothing_left")]


def test_who_looked_and_left_is_shown_what_they_looked_at(shop):
    first, second = ItemFactory(), ItemFactory()
    for who in ("ann", "bob"):
        shop.customer(who)
        shop.event(0.1, who, "view", first)
        shop.event(0.2, who, "view", second)
    campaign = shop.launch(kind="browse_abandoned", wait=3)
    shop.event(0.3, "ann", "view", first)
    shop.event(0.3, "bob", "view", first)
    shop.event(0.4, "bob", "add_to_cart", first)
    shop.event(0.5, "bob", "add_to_cart", second)
    shop.turn(0.6)
    shop.turn(3.4)
    assert planned(campaign) == ["ann"]
    assert [line["item"] for line in subject(campaign, "ann")] == [first.pk, second.pk]


def test_a_purchase_is_followed_up(shop):
    item = ItemFactory()
    shop.customer("ann")
    shop.order(-2, "ann", item)
    campaign = shop.launch(kind="after_purchase", wait=3, wait_unit="days", exit_event=None)
    shop.order(1, "ann", item)
    shop.turn(1.1)
    shop.turn(72)
    assert planned(campaign) == []
    shop.turn(73.1)
    assert planned(campaign) == ["ann"]
    assert subject(campaign, "ann") == [{"item": item.pk, "quantity": 1}]


def test_a_dropped_price_is_told_to_who_was_interested(shop):
    cheap, dear = ItemFactory(price=Decimal("20.00")), ItemFactory(price=Decimal("50.00"))
    for who in ("ann", "bob", "cat"):
        shop.customer(who)
    shop.event(-30, "ann", "view", cheap)
    shop.event(-20, "ann", "wishlist", dear)
    shop.event(-30, "bob", "view", cheap)
    shop.order(-20, "bob", cheap)
    shop.event(-30, "cat", "view", dear)
    campaign = shop.launch(kind="price_drop", percent=20, wait=0)
    cheap.price = Decimal("15.00")
    cheap.save()
    dear.price = Decimal("45.00")  # a tenth: too little
    dear.save()
    shop.turn(1.1)
    assert planned(campaign) == ["ann"]
    assert subject(campaign, "ann") == [{"item": cheap.pk, "was": 20.0}]


def test_a_price_that_rose_again_is_not_told(shop):
    item = ItemFactory(price=Decimal("20.00"))
    shop.customer("ann")
    shop.event(-30, "ann", "view", item)
    campaign = shop.launch(kind="price_drop", wait=3)
    item.price = Decimal("10.00")
    item.save()
    shop.turn(1.1)
    item.price = Decimal("20.00")
    item.save()
    shop.turn(4.5)
    assert ways(campaign) == [("ann", "exited", "nothing_left")]


def test_what_is_back_in_stock_is_told_to_who_wanted_it(shop):
    item = ItemFactory(stock=0)
    for who in ("ann", "bob"):
        shop.customer(who)
    shop.event(-100, "ann", "view", item)
    shop.event(-24 * 100, "bob", "view", item)  # too long ago
    campaign = shop.launch(kind="back_in_stock", wait=0, days=90)
    item.stock = 5
    item.save()
    shop.turn(1.1)
    assert planned(campaign) == ["ann"]


def test_a_new_item_is_told_to_who_is_likely_to_want_it(shop):
    category = CategoryFactory()
    ann, bob, cat, dan = (shop.customer(who) for who in ("ann", "bob", "cat", "dan"))
    Profile.objects.create(customer=ann, favourite_categories=[category.external_id], refreshed_at=timezone.now())
    Profile.objects.create(customer=bob, favourite_brands=["Acme"], refreshed_at=timezone.now())
    Profile.objects.create(customer=cat, favourite_categories=["others"], refreshed_at=timezone.now())
    old = ItemFactory(category=category)
    type(old).objects.update(created_at=timezone.now() - timedelta(days=60))
    campaign = shop.launch(kind="new_item", wait=0)
    with shop.at(0.5):
        new = ItemFactory(category=category, brand="Acme")
    shop.turn(1.1)
    assert planned(campaign) == ["ann", "bob"]
    assert subject(campaign, "ann") == [{"item": new.pk}]
    with shop.at(2):
        RecommendationFactory(customer=dan, item_ids=[old.pk, new.pk], scored_at=timezone.now())
    shop.turn(2.2)
    assert planned(campaign) == ["ann", "bob", "dan"]
    assert subject(campaign, "dan") == [{"item": new.pk}]


def test_who_has_not_ordered_for_long_is_won_back(shop):
    for who, days in (("ann", 90), ("bob", 30), ("cat", 200)):
        last = shop.start + timedelta(minutes=30) - timedelta(days=days)
        Profile.objects.create(customer=shop.customer(who), last_order_at=last, refreshed_at=last)
    campaign = shop.launch(kind="win_back", days=90, wait=0)
    shop.turn(1.1)
    assert planned(campaign) == ["ann"]


def test_who_is_expected_to_leave_is_won_back_in_time(shop):
    for who, churn, orders in (("ann", 0.8, 2), ("bob", 0.5, 2), ("cat", 0.9, 0)):
        customer = shop.customer(who)
        Profile.objects.create(customer=customer, order_count=orders, refreshed_at=shop.start)
        PredictionFactory(customer=customer, churn=churn, computed_at=shop.start + timedelta(minutes=30))
    by_time = shop.launch(kind="win_back", wait=0)
    campaign = shop.launch(kind="win_back", percent=70, wait=0)
    shop.turn(1.1)
    assert (planned(campaign), planned(by_time)) == (["ann"], [])


def test_an_expiring_coupon_is_remembered_unless_it_is_used(shop):
    ends = shop.start + timedelta(days=3, minutes=30)
    coupons = {who: CouponFactory(customer=shop.customer(who), valid_until=ends) for who in ("ann", "bob", "cat")}
    Coupon.objects.filter(pk=coupons["cat"].pk).update(valid_until=ends + timedelta(days=2))
    campaign = shop.launch(kind="coupon_expiring", days=3, wait=1)
    shop.turn(0.6)
    Coupon.objects.filter(pk=coupons["bob"].pk).update(status=CouponStatus.REDEEMED, uses=1)
    shop.turn(1.6)
    assert planned(campaign) == ["ann"]
    assert sorted(ways(campaign)) == [("ann", "sent", ""), ("bob", "exited", "nothing_left")]
    assert Enrolment.objects.get(customer__external_id="ann").details == {"coupon": coupons["ann"].pk}


def test_who_likes_a_brand_gets_the_offer_of_its_partner_once(shop):
    ItemFactory(brand="Acme")
    now = timezone.now() - timedelta(days=1)
    for who, share in (("ann", 0.6), ("bob", 0.1)):
        Profile.objects.create(
            customer=shop.customer(who), favourite_brands=["Bolt", "Acme"], brand_weights=[0.3, share], refreshed_at=now
        )
    campaign = shop.launch(kind="partner", brand="Acme", percent=20, wait=0)
    shop.turn(0.1)
    assert planned(campaign) == ["ann"]
    Profile.objects.update(refreshed_at=timezone.now())
    shop.turn(2)
    assert planned(campaign) == ["ann"]


def test_a_custom_event_lets_customers_enter(shop):
    for who in ("ann", "bob"):
        shop.customer(who)
    campaign = shop.launch(kind="event", event_type="custom", event_name="Quiz finished", wait=30, wait_unit="minutes")
    shop.event(0.2, "ann", "custom", context={"event": "Quiz finished"})
    shop.event(0.2, "bob", "custom", context={"event": "Quiz started"})
    shop.turn(0.3)
    shop.turn(0.8)
    assert planned(campaign) == ["ann"]


@pytest.mark.parametrize(
    ("born", "today", "days", "enters"),
    [
        (date(1990, 5, 4), date(2026, 5, 4), 0, True),
        (date(1990, 5, 5), date(2026, 5, 4), 0, False),
        (date(1990, 5, 11), date(2026, 5, 4), 7, True),
        (date(1990, 1, 3), date(2026, 12, 31), 3, True),
        (date(1992, 2, 29), date(2027, 2, 28), 0, True),
        (date(1992, 2, 29), date(2028, 2, 28), 0, False),
        (date(1992, 2, 29), date(2028, 2, 29), 0, True),
        (date(1991, 2, 28), date(2028, 2, 28), 0, True),
        (date(1992, 2, 29), date(2027, 2, 21), 7, True),
    ],
)
@pytest.mark.parametrize(("zone", "offset"), [("Asia/Tokyo", 9), ("", 0), ("Mars/Olympus", 0)])
def test_birthdays_are_kept_by_the_customers_own_calendar(shop, born, today, days, enters, zone, offset):
    shop.start = datetime(today.year, today.month, today.day, tzinfo=UTC) - timedelta(hours=offset)
    shop.customer("ann", birth_date=born, time_zone=zone)
    campaign = shop.launch(kind="birthday", at="09:00", days=days, wait=0)
    shop.turn(8.9)
    assert planned(campaign) == []
    shop.turn(10)
    assert planned(campaign) == (["ann"] if enters else [])


def test_who_joins_a_customer_counts_as_that_one(shop):
    item = ItemFactory()
    shop.customer("ann")
    campaign = shop.launch(kind="cart_abandoned")
    shop.event(0.2, "", "add_to_cart", item, anonymous_id="v1")
    shop.turn(0.3)
    assert ways(campaign) == [(None, "waiting", "")]
    with shop.at(0.4):
        identify(pairs=[("v1", "ann")])
    shop.turn(1.5)
    assert planned(campaign) == ["ann"]


def test_points_that_begin_to_expire_are_remembered(shop):
    for who, days in (("ann", 7), ("bob", 9)):
        customer = shop.customer(who)
        expires = shop.start + timedelta(days=days, minutes=30)
        PointsAccount.objects.create(customer=customer, credited=100, debited=40)
        PointsEntry.objects.create(
            customer=customer, kind="earned", points=100, source=who, at=shop.start, expires_at=expires
        )
    campaign = shop.launch(kind="points_expiring", days=7, wait=0)
    shop.turn(1)
    assert planned(campaign) == ["ann"]


def test_a_new_tier_is_congratulated(shop):
    gold = Tier.objects.create(name="Gold", rank=2, threshold=200)
    silver = Tier.objects.create(name="Silver", rank=1, threshold=100)
    campaign = shop.launch(kind="tier_change", tier=gold.pk, wait=0)
    any_tier = shop.launch(kind="tier_change", wait=0)
    for who, tier in (("ann", gold), ("bob", silver)):
        TierChange.objects.create(customer=shop.customer(who), after=tier, at=shop.start + timedelta(minutes=30))
    shop.turn(1)
    assert (planned(campaign), planned(any_tier)) == (["ann"], ["ann", "bob"])
