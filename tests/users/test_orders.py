"""Orders, their updates, refunds and cancellations: the same whatever arrives first."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from itertools import permutations
from random import Random

import pytest
from django.db import connection, transaction
from django.utils import timezone

from tests.users.tracking import sender, state, track
from users.choices import EventType
from users.models import Event, Order, OrderChange

PRODUCTS = [{"product_id": "p1", "price": "3.50", "quantity": 2}, {"product_id": "p2", "price": 8}]


def lines(order: Order) -> list[tuple]:
    return sorted(order.lines.values_list("item__external_id", "quantity", "price"))


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "status"), [("Order Cancelled", "cancelled"), ("Order Refunded", "refunded")])
def test_what_became_of_an_order_holds_when_it_arrives_later(name, status):
    post = sender()
    post("track", track(name, "m1", order_id="o1"))
    assert not Order.objects.exists()
    post("track", track("Order Completed", "m2", order_id="o1", products=PRODUCTS))
    order = Order.objects.get()
    assert (order.status, order.refunded) == (status, order.total if status == "refunded" else 0)


@pytest.mark.django_db
def test_parts_of_an_order_add_up_to_the_whole():
    post = sender()
    post("track", track("Order Completed", "m1", order_id="o1", products=PRODUCTS))
    for number, (properties, refunded, status) in enumerate(
        [
            ({"products": PRODUCTS[:1]}, "7", "placed"),
            ({"total": "3.00"}, "10", "placed"),
            ({"products": PRODUCTS[1:], "total": 5}, "15", "refunded"),
        ]
    ):
        message = track("Order Refunded", f"part {number}", order_id="o1", **properties)
        post("track", message)
        post("track", message)
        order = Order.objects.get()
        assert (order.refunded, order.status) == (Decimal(refunded), status)
    assert Event.objects.filter(type=EventType.REFUND).count() == 2


@pytest.mark.django_db
def test_a_refund_of_some_products_needs_to_say_how_much():
    answer = sender()("track", track("Order Refunded", order_id="o1", products=[{"product_id": "p1"}]))
    assert [row["reason"] for row in answer.json()["refused"]] == ["bad_products"]
    assert not OrderChange.objects.exists()


@pytest.mark.django_db
def test_an_update_replaces_the_lines_and_a_late_older_description_does_not():
    post = sender()
    then = timezone.now() - timedelta(days=3)

    def order(name, message_id, hours, products):
        message = track(name, message_id, order_id="o1", products=products)
        return {**message, "timestamp": (then + timedelta(hours=hours)).isoformat()}

    updated = [{"product_id": "p2", "price": 8, "quantity": 3, "variant": "blue"}]
    post("batch", {"batch": [order("Order Updated", "m2", 5, updated)]})
    post("batch", {"batch": [order("Order Completed", "m1", 0, PRODUCTS)]})
    stored = Order.objects.get()
    assert lines(stored) == [("p2", 3, Decimal(8))]
    assert (stored.total, stored.placed_at) == (Decimal(24), then)
    assert set(stored.lines.values_list("occurred_at", flat=True)) == {then}
    assert stored.lines.get().context == {"variant": "blue"}
    post("batch", {"batch": [order("Order Updated", "m3", 6, PRODUCTS)]})
    stored.refresh_from_db()
    assert lines(stored) == [("p1", 2, Decimal("3.50")), ("p2", 1, Decimal(8))]
    assert (stored.total, stored.placed_at) == (Decimal(15), then)


@pytest.mark.django_db
def test_five_messages_about_an_order_end_the_same_in_any_order():
    then = timezone.now() - timedelta(days=3)
    said = [
        track("Order Completed", "m1", order_id="o1", products=PRODUCTS),
        track("Order Updated", "m2", order_id="o1", products=PRODUCTS[:1]),
        track("Order Refunded", "m3", order_id="o1", total=2),
        track("Order Refunded", "m4", order_id="o1", products=[{"product_id": "p1", "price": 1}]),
        track("Order Cancelled", "m5", order_id="o1"),
    ]
    said = [{**one, "timestamp": (then + timedelta(hours=hour)).isoformat()} for hour, one in enumerate(said)]
    seen = []
    for order in Random(1).sample(list(permutations(said)), 30):
        with transaction.atomic():
            post = sender()
            for message in order:
                post("batch", {"batch": [message]})
            seen.append(state())
            transaction.set_rollback(True)
    assert seen[0]["orders"] == [("o1", "u1", "cancelled", Decimal(7), Decimal(3), then, 1)]
    assert all(held == seen[0] for held in seen)


@pytest.mark.django_db
@pytest.mark.parametrize("quantity", [0, -1, "none", float("inf")])
def test_a_line_of_no_quantity_is_refused(quantity):
    products = [{**PRODUCTS[0], "quantity": quantity}]
    answer = sender()("track", track("Order Completed", order_id="o1", products=products))
    assert [row["reason"] for row in answer.json()["refused"]] == ["bad_quantity"]
    assert not Order.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_an_order_and_its_refund_at_the_same_moment_find_each_other():
    post = sender()
    messages = [
        track(name, f"{name} {number}", order_id=f"o{number}", products=products)
        for number in range(15)
        for name, products in (("Order Completed", PRODUCTS), ("Order Refunded", []))
    ]

    def send(message):
        answer = post("track", message)
        connection.close()
        return answer.json()

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(send, messages)) == [{"success": True}] * 30
    assert set(Order.objects.values_list("status", "refunded")) == {("refunded", Decimal(15))}
