"""Segment's tracking API: what its clients send becomes our events, orders, customers and identities."""

import base64
import gzip
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from users.api_keys import create_api_key
from users.choices import ApiScope, EventType
from users.ingestion.identities import identify, merge_customers
from users.models import Customer, Event, Order, QualityCount


@pytest.fixture
def send(db):
    key = create_api_key(name="web", scope=ApiScope.WRITE)[1]
    token = base64.b64encode(f"{key}:".encode()).decode()

    def post(call: str, body: object, **headers):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return Client().post(
            f"/v1/{call}", data, content_type="application/json", headers={"Authorization": f"Basic {token}", **headers}
        )

    return post


def track(name: str, message_id: str = "m1", **properties) -> dict:
    return {"type": "track", "event": name, "userId": "u1", "messageId": message_id, "properties": properties}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Product Viewed", EventType.VIEW),
        ("Product Clicked", EventType.CLICK),
        ("Product Added", EventType.ADD_TO_CART),
        ("Product Removed", EventType.REMOVE_FROM_CART),
        ("Product Added to Wishlist", EventType.WISHLIST),
        ("Product Reviewed", EventType.RATING),
        ("Checkout Started", EventType.CHECKOUT),
        ("Coupon Entered", EventType.COUPON),
        ("Promotion Clicked", EventType.CLICK),
        ("Something Else", EventType.CUSTOM),
    ],
)
def test_e_commerce_events_get_their_type(send, name, kind):
    assert send("track", track(name, product_id="p1", price=3.5, quantity=2, rating=4)).json() == {"success": True}
    event = Event.objects.select_related("item").get()
    assert event.type == kind
    if kind != EventType.CUSTOM:
        assert (event.item.external_id, event.price, event.quantity) == ("p1", Decimal("3.50"), 2)
    assert event.value == (4 if kind == EventType.RATING else None)


def test_a_search_keeps_its_words_and_a_page_its_address(send):
    send("track", track("Products Searched", query="blue mug"))
    send("page", {"anonymousId": "a1", "messageId": "m2", "name": "Home", "properties": {"url": "https://shop/"}})
    search, page = Event.objects.order_by("type")
    assert search.context == {"query": "blue mug"}
    assert page.context == {"url": "https://shop/", "name": "Home"}
    assert page.customer.anonymous_id == "a1"


def test_an_order_its_refund_and_a_cancellation(send):
    products = [{"product_id": "p1", "price": "3.50", "quantity": 2}, {"sku": "p2", "price": 10}]
    send("track", track("Order Completed", order_id="o1", products=products, total=15, discount=2, currency="GBP"))
    send("track", track("Order Completed", "m1-again", order_id="o1", products=products, total=15, discount=2))
    order = Order.objects.get()
    assert (order.total, order.lines.count(), order.status) == (Decimal(15), 2, "placed")
    send("track", track("Order Refunded", "m2", order_id="o1", products=products[:1]))
    order.refresh_from_db()
    assert (order.status, order.refunded) == ("placed", Decimal(7))
    assert Event.objects.filter(type=EventType.REFUND).count() == 1
    send("track", track("Order Refunded", "m2-all", order_id="o1"))
    send("track", track("Order Cancelled", "m3", order_id="o1"))
    order.refresh_from_db()
    assert (order.status, order.refunded) == ("refunded", Decimal(15)), "what was settled stays settled"


def test_the_same_message_counts_once_even_in_another_batch_and_order(send):
    batch = [track("Product Viewed", f"m{n}", product_id="p1") for n in range(5)]
    now = timezone.now()
    for late, messages in enumerate((batch, batch[::-1], [*batch, *batch])):
        sent_at = (now - timedelta(seconds=late)).isoformat()
        assert send("batch", {"batch": messages, "sentAt": sent_at}).status_code == 200
    assert Event.objects.count() == 5


def test_a_wrong_clock_of_the_sender_is_corrected(send):
    wrong = datetime(2020, 1, 1, tzinfo=UTC)
    message = track("Product Viewed", product_id="p1") | {"timestamp": (wrong - timedelta(minutes=5)).isoformat()}
    send("batch", {"batch": [message], "sentAt": wrong.isoformat()})
    age = timezone.now() - Event.objects.get().occurred_at
    assert timedelta(minutes=5) <= age < timedelta(minutes=6)


def test_a_visitor_that_identifies_itself_keeps_its_history(send):
    before = {**track("Product Viewed", "m1", product_id="p1"), "userId": None, "anonymousId": "a1"}
    traits = {"email": "ann@example.com", "firstName": "Ann", "address": {"country": "de"}}
    me = {"type": "identify", "userId": "u1", "anonymousId": "a1", "messageId": "m2", "traits": traits}
    after = {**track("Product Viewed", "m3", product_id="p2"), "userId": None, "anonymousId": "a1"}
    send("batch", {"batch": [before]})
    send("batch", {"batch": [me, after]})
    customer = Customer.objects.get(external_id="u1")
    assert (customer.email, customer.first_name, customer.country) == ("ann@example.com", "Ann", "DE")
    assert set(customer.events.values_list("message_id", flat=True)) == set(
        Event.objects.values_list("message_id", flat=True)
    )
    assert customer.events.count() == 2


@pytest.mark.parametrize("pairs", [[("a1", "u1")], [("a1", "u1"), ("a1", "u1"), ("a2", "u1")]])
@pytest.mark.django_db
def test_identifying_again_changes_nothing(pairs):
    first = identify(pairs=pairs)
    count = Customer.objects.count()
    assert identify(pairs=pairs) == first
    assert Customer.objects.count() == count
    assert set(first) == {Customer.objects.get(external_id="u1").pk}


@pytest.mark.django_db
def test_a_shared_device_starts_counting_for_whoever_identified_last():
    identify(pairs=[("a1", "u1")])
    identify(pairs=[("a1", "u2")])
    visitor = Customer.objects.get(anonymous_id="a1")
    assert visitor.merged_into.external_id == "u2"


@pytest.mark.django_db
def test_an_alias_joins_two_customers_and_chains_stay_flat():
    identify(pairs=[("a1", "old")])
    into = merge_customers(previous_id="old", external_id="new")
    assert Customer.objects.get(pk=into).external_id == "new"
    assert set(Customer.objects.exclude(pk=into).values_list("merged_into", flat=True)) == {into}


def test_bad_messages_are_refused_by_place_and_counted_and_the_good_ones_kept(send):
    batch = [
        track("Product Viewed", "m1", product_id="p1"),
        {"type": "track", "event": "Product Viewed"},
        {"type": "teleport", "userId": "u1", "messageId": "m3"},
        {**track("Product Viewed"), "messageId": None},
        "text",
        track("Order Completed", "m5"),
        track("Product Viewed", "m6", product_id="p1"),
    ]
    body = send("batch", {"batch": batch}).json()
    assert [(row["index"], row["reason"]) for row in body["refused"]] == [
        (1, "missing_user_id"),
        (2, "unknown_call"),
        (3, "missing_message_id"),
        (4, "bad_message"),
        (5, "missing_order_id"),
    ]
    assert Event.objects.count() == 2
    assert QualityCount.objects.get(reason="unknown_call").rows == 1


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{oops", {}, 400),
        (b"[]", {}, 400),
        (b'{"batch": 3}', {}, 400),
        (b"not gzip", {"Content-Encoding": "gzip"}, 400),
        (gzip.compress(b"{}" * 100)[:-9], {"Content-Encoding": "gzip"}, 400),
        (gzip.compress(b" " * 50_000_000), {"Content-Encoding": "gzip"}, 413),
        (b" " * 5_000_000, {}, 413),
        (b"[" * 100_000, {}, 400),
    ],
)
def test_bodies_that_make_no_sense_get_a_clear_status(send, body, headers, status):
    assert send("batch", body, **headers).status_code == status
    assert not Event.objects.exists()


def test_a_gzipped_batch_is_read(send):
    body = gzip.compress(json.dumps({"batch": [track("Product Viewed", product_id="p1")]}).encode())
    assert send("batch", body, **{"Content-Encoding": "gzip"}).status_code == 200
    assert Event.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("authorization", ["", "Basic !!!", "Basic d3Jvbmc6", "Bearer x"])
def test_without_a_good_write_key_nothing_is_taken(authorization):
    response = Client().post(
        "/v1/track", track("Product Viewed"), content_type="application/json", headers={"Authorization": authorization}
    )
    assert response.status_code == 401
