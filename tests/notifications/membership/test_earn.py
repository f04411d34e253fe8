import threading
from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.db import connection, transaction
from django.utils import timezone

from notifications.membership import earn
from notifications.membership.claim import claim_progress
from notifications.membership.earn import earn_points
from notifications.models import PointsAccount, PointsEntry, PointsRule, Tier
from notifications.tasks import keep_membership
from tests.factories import CustomerFactory
from users.choices import EventType
from users.ingestion import EventInput, OrderInput, OrderLine, ingest_events, ingest_orders
from users.ingestion.identities import merge_customers
from users.ingestion.inputs import OrderChangeInput
from users.ingestion.order_changes import keep_changes, lock_orders, settle_orders
from users.models import Customer

pytestmark = pytest.mark.django_db
NOW = timezone.now()
LONG_AGO = NOW - timedelta(days=30)


@pytest.fixture
def rule():
    return PointsRule.objects.create(name="A point a pound", points=1, starts_at=LONG_AGO)


def order(number, customer="ann", total="25.90", days_ago=1, currency="GBP", **more):
    line = OrderLine("mug", 1, Decimal(total))
    placed_at = timezone.now() - timedelta(days=days_ago)
    ingest_orders(
        orders=[OrderInput(f"o{number}", customer, placed_at, currency, (line,), total=Decimal(total), **more)],
        source="test",
    )


def points(external_id="ann") -> int:
    account = PointsAccount.objects.filter(customer__external_id=external_id).first()
    return account.balance if account else 0


def test_orders_earn_once_however_often_the_turn_is_taken(rule):
    order(1)
    order(2, total="10.00")
    assert earn_points() == {Customer.objects.get(external_id="ann").pk}
    assert earn_points() == set()
    assert points() == 35
    order(3, total="1.00")
    earn_points()
    assert points() == 36
    assert PointsEntry.objects.count() == 3


def test_what_is_before_the_rule_in_another_currency_or_of_a_visitor_earns_nothing(rule):
    order(1, days_ago=31)
    order(2, currency="USD")
    ingest_orders(
        orders=[
            OrderInput(
                "o3",
                None,
                NOW,
                "GBP",
                (OrderLine("mug", 1, Decimal(9)),),
                anonymous_id="cookie",
            )
        ],
        source="test",
    )
    assert earn_points() == set()


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ([("refunded", "5.00")], 80),
        ([("refunded", "5.00"), ("refunded", "7.50")], 50),
        ([("refunded", None)], 0),
        ([("cancelled", None)], 0),
    ],
)
def test_refunds_take_their_part_back(rule, changes, left):
    PointsRule.objects.update(points=4)
    order(1, total="25.00")
    earn_points()
    assert points() == 100
    for status, amount in changes:
        change("o1", status, amount)
        earn_points()
        earn_points()
    assert points() == left


def change(order_id, status, amount=None):
    lock_orders(changing=True)
    keep_changes(changes=[OrderChangeInput(order_id, status, timezone.now(), amount and Decimal(amount))])
    settle_orders(order_ids=[order_id])


def test_a_refund_that_comes_with_its_order_counts_in_the_same_turn(rule):
    order(1, total="30.00")
    change("o1", "refunded", "10.00")
    earn_points()
    assert points() == 20


def test_refunds_of_spent_points_leave_nobody_below_nothing(rule):
    for number in (1, 2, 3):
        order(number, total="10.00")
    earn_points()
    PointsAccount.objects.update(debited=15)
    for number in (1, 2, 3):
        change(f"o{number}", "refunded")
    earn_points()
    assert points() == 0
    assert sorted(PointsEntry.objects.filter(kind="reversed").values_list("points", flat=True)) == [-10, -5]


def test_the_tier_multiplies(rule):
    gold = Tier.objects.create(name="Gold", rank=1, threshold=1, multiplier=Decimal("1.5"))
    PointsAccount.objects.create(customer=CustomerFactory(external_id="ann"), tier=gold)
    order(1, total="10.00")
    earn_points()
    assert points() == 15


def test_many_orders_go_in_batches(rule, monkeypatch):
    monkeypatch.setattr(earn, "BATCH", 3)
    for number in range(10):
        order(number, customer=f"c{number % 4}", total="1.00")
    assert len(earn_points()) == 4
    assert sum(points(f"c{number}") for number in range(4)) == 10


def rate(number, customer="ann", at=None):
    at = at or timezone.now() - timedelta(minutes=5)
    ingest_events(events=[EventInput(f"r{number}", "rating", at, customer, "mug", value=5)], source="test")


def test_events_earn_up_to_the_limit_of_a_day():
    noon = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)
    with time_machine.travel(noon, tick=False):
        PointsRule.objects.create(
            name="Ratings", event_type=EventType.RATING, points=20, daily_limit=2, starts_at=noon - timedelta(days=1)
        )
        for number in range(3):
            rate(number, at=noon - timedelta(minutes=number + 1))
        earn_points()
        assert points() == 40
        rate(3, at=noon - timedelta(hours=3))  # late, and the day is full
        earn_points()
        assert points() == 40
    with time_machine.travel(noon + timedelta(days=1), tick=False):
        rate(4, at=noon + timedelta(hours=20))
        earn_points()
        earn_points()
    assert points() == 60


def test_points_follow_a_customer_who_is_joined_to_another(rule):
    order(1, customer="ann", total="10.00")
    order(2, customer="anna", total="5.00")
    keep_membership()
    merge_customers(previous_id="ann", external_id="anna")
    order(3, customer="ann", total="1.00")
    keep_membership()
    assert (points("ann"), points("anna")) == (0, 16)


@pytest.mark.django_db(transaction=True)
def test_a_turn_that_somebody_else_takes_is_left_to_them(rule):
    earn_points()
    order(1)
    claimed, done = threading.Event(), threading.Event()

    def other() -> None:
        with transaction.atomic():
            claim_progress(f"points:{rule.pk}:orders")
            claimed.set()
            done.wait(10)
        connection.close()

    thread = threading.Thread(target=other)
    thread.start()
    claimed.wait(10)
    assert earn_points() == set()
    done.set()
    thread.join()
    earn_points()
    assert points() == 25
