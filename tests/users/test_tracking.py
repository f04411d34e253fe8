"""Segment's tracking API: what its clients send becomes our events, orders, customers and identities."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from tests.users.tracking import sender, track
from users.api_keys import create_api_key
from users.choices import ApiScope, EventType
from users.models import Consent, Customer, Event, Order, QualityCount


@pytest.fixture
def send(db):
    return sender()


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
        ("Coupon Applied", EventType.COUPON),
        ("Wishlist Product Added to Cart", EventType.ADD_TO_CART),
        ("Checkout Step Completed", EventType.CHECKOUT),
        ("Payment Info Entered", EventType.CHECKOUT),
        ("Promotion Viewed", EventType.IMPRESSION),
        ("product_list_viewed", EventType.IMPRESSION),
        ("Products Searched", EventType.SEARCH),
        ("Product Shared", EventType.CUSTOM),
        ("Promotion Clicked", EventType.CLICK),
        ("Something Else", EventType.CUSTOM),
    ],
)
def test_e_commerce_events_get_their_type(send, name, kind):
    assert send("track", track(name, product_id="p1", price=3.5, quantity=2, rating=4)).json() == {"success": True}
    event = Event.objects.select_related("item").get()
    assert event.type == kind
    if name != "Something Else":
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


def test_bad_messages_are_refused_by_place_and_counted_and_the_good_ones_kept(send):
    batch = [
        track("Product Viewed", "m1", product_id="p1"),
        {"type": "track", "event": "Product Viewed"},
        {"type": "teleport", "userId": "u1", "messageId": "m3"},
        {**track("Product Viewed"), "messageId": None},
        "text",
        track("Order Completed", "m5"),
        track("Product Viewed", "m6", product_id="p1"),
        track("Product Viewed", "m7", product_id="p1", price=-1),
        {"type": "identify", "userId": "u1", "messageId": "m8", "traits": {"email": "nobody"}},
        track("Anything", "m9", text="x" * 40_000),
        track("Order Refunded", "m10", order_id="o" * 300),
    ]
    body = send("batch", {"batch": batch}).json()
    assert [(row["index"], row["reason"]) for row in body["refused"]] == [
        (1, "missing_user_id"),
        (2, "unknown_call"),
        (3, "missing_message_id"),
        (4, "bad_message"),
        (5, "missing_order_id"),
        (7, "bad_price"),
        (8, "bad_email"),
        (9, "too_large"),
        (10, "bad_order_id"),
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
        (gzip.compress(b"{}" * 100, mtime=0)[:-9], {"Content-Encoding": "gzip"}, 400),
        (gzip.compress(b" " * 50_000_000, mtime=0), {"Content-Encoding": "gzip"}, 413),
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


def test_a_beacon_carries_its_key_in_the_body(db):
    key = create_api_key(name="page", scope=ApiScope.WRITE)[1]
    message = {**track("Product Viewed", product_id="p1"), "userId": None, "anonymousId": "a1"}
    for sent_key, status in ((key, 200), ("wrong", 401), (5, 401)):
        body = json.dumps({"writeKey": sent_key, "batch": [message]})
        assert Client().post("/v1/batch", body, content_type="text/plain;charset=UTF-8").status_code == status
    assert Event.objects.count() == 1


@pytest.mark.parametrize(
    ("origins", "origin", "allowed"),
    [
        (["*"], "https://any.example", "*"),
        (["https://shop.example"], "https://shop.example", "https://shop.example"),
        (["https://shop.example"], "https://other.example", None),
    ],
)
def test_pages_of_allowed_origins_may_send(db, settings, origins, origin, allowed):
    settings.TRACKING_ORIGINS = origins
    asked = Client().options("/v1/batch", headers={"Origin": origin, "Access-Control-Request-Method": "POST"})
    assert (asked.status_code, asked.get("Access-Control-Allow-Origin")) == (204, allowed)
    if allowed:
        assert "Authorization" in asked["Access-Control-Allow-Headers"]
    answer = Client().post("/v1/batch", "{}", content_type="text/plain", headers={"Origin": origin})
    assert (answer.status_code, answer.get("Access-Control-Allow-Origin")) == (401, allowed)
    assert "Access-Control-Allow-Credentials" not in answer
    assert Client().options("/api/v1/events/", headers={"Origin": origin}).get("Access-Control-Allow-Origin") is None


@pytest.mark.parametrize(("count", "status"), [(2_500, 200), (2_501, 400)])
def test_a_batch_holds_up_to_2500_messages(send, count, status):
    messages = [track("Product Viewed", str(number), product_id="p1") for number in range(count)]
    assert send("batch", {"batch": messages}).status_code == status
    assert Event.objects.count() == (count if status == 200 else 0)


def test_traits_without_a_field_become_attributes_within_bounds(send):
    traits = {
        "email": "ann@example.com",
        "name": "Ann van Dam",
        "birthday": "1990-02-03T00:00:00Z",
        "phone": None,
        "address": {"street": "Secret 1", "country": "nl"},
        "plan": "gold",
        "tags": ["a", "b"],
        "essay": "x" * 501,
        **{f"trait {number:02}": number for number in range(60)},
    }
    send("identify", {"userId": 7, "messageId": 1, "traits": traits, "integrations": {"All": True}})
    customer = Customer.objects.get(external_id="7")
    assert (customer.first_name, customer.last_name, customer.country) == ("Ann van", "Dam", "NL")
    assert str(customer.birth_date) == "1990-02-03"
    assert len(customer.attributes) == 50
    assert (customer.attributes["plan"], customer.attributes["tags"]) == ("gold", ["a", "b"])
    assert customer.attributes.keys().isdisjoint({"essay", "email", "name", "address", "birthday"})
    assert QualityCount.objects.get(reason="trait_dropped").rows == 13


def test_several_words_about_one_person_in_one_batch_add_up(send):
    said = [({"firstName": "Ann", "plan": "old"}, 1), ({"plan": "new"}, 3), ({"phone": "1", "plan": "mid"}, 2)]
    now = timezone.now()
    batch = [
        {"type": "identify", "userId": "u1", "messageId": f"m{minute}", "traits": traits}
        | {"timestamp": (now - timedelta(minutes=10 - minute)).isoformat()}
        for traits, minute in said
    ]
    send("batch", {"batch": batch})
    customer = Customer.objects.get()
    assert (customer.first_name, customer.phone, customer.attributes) == ("Ann", "1", {"plan": "new"})


def test_consent_enters_the_ledger_once(send):
    def consent(message_id, **preferences):
        said = {"context": {"consent": {"categoryPreferences": preferences}}}
        return {**track("Segment Consent Preference Updated", message_id), **said}

    for _ in range(2):
        send("batch", {"batch": [consent("m1", profiling=True, email=True, Other=True)]})
        send("batch", {"batch": [consent("m2", email=False)]})
    ledger = Consent.objects.filter(channel="email").order_by("recorded_at", "purpose")
    assert list(ledger.values_list("purpose", "granted")) == [
        ("marketing", True),
        ("profiling", True),
        ("marketing", False),
    ]
    assert not Event.objects.exists()
    answer = send("batch", {"batch": [consent("m3", Other=True)]}).json()
    assert [row["reason"] for row in answer["refused"]] == ["missing_consent"]
