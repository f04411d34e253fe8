from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from notifications.choices import CouponStatus
from notifications.offers.cart import Cart
from notifications.offers.redeem import reserve
from notifications.offers.settle import commit
from notifications.segments import compile_rule, count_segment
from tests.factories import CategoryFactory, CouponFactory, CustomerFactory, ItemFactory, SegmentFactory
from users.choices import EventType
from users.ingestion.partitions import make_partitions, month_of
from users.models import Consent, Customer, Event, Profile

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _partitions(db):
    make_partitions({month_of(NOW - timedelta(days=days)) for days in (1, 5, 10, 100, 200, 300)})


def customer(name, **profile) -> Customer:
    row = CustomerFactory(external_id=name, country=profile.pop("country", ""), language=profile.pop("language", ""))
    if profile:
        Profile.objects.create(customer=row, refreshed_at=NOW, **profile)
    return row


_order = count()


def event(owner, kind=EventType.PURCHASE, days_ago=1, item=None):
    moment = NOW - timedelta(days=days_ago)
    Event.objects.create(
        id=next(_order), message_id=uuid4(), customer=owner, item=item, type=kind, occurred_at=moment, received_at=NOW
    )


def matched(rule) -> str:
    """The external ids of those who match, in order."""
    segment = compile_rule(rule, now=NOW)
    with connection.cursor() as cursor:
        cursor.execute(segment.sql, segment.params)
        ids = [row[0] for row in cursor.fetchall()]
    assert len(ids) == len(set(ids))
    return " ".join(Customer.objects.filter(pk__in=ids).order_by("external_id").values_list("external_id", flat=True))


@pytest.mark.parametrize(
    ("op", "value", "expected"),
    [
        (">=", 2, "many two"),
        (">", 2, "many"),
        ("<", 2, "bare none"),
        ("<=", 2, "bare none two"),
        ("=", 0, "bare none"),
        ("!=", 0, "many two"),
        ("!=", 2, "bare many none"),
        ("between", [1, 5], "two"),
        ("between", [0, 5], "bare none two"),
    ],
)
def test_a_missing_profile_counts_as_zero(op, value, expected):
    customer("none", order_count=0)
    customer("two", order_count=2)
    customer("many", order_count=9)
    customer("bare")
    assert matched({"field": "profile.order_count", "op": op, "value": value}) == expected


def test_money_is_compared_exactly():
    customer("below", revenue=Decimal("99.99"))
    customer("at", revenue=Decimal("100.00"))
    assert matched({"field": "profile.revenue", "op": ">=", "value": "100.00"}) == "at"


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"op": "older_than_days", "value": 60}, "lapsed"),
        ({"op": "within_days", "value": 60}, "edge recent"),
        ({"op": "is_set"}, "edge lapsed recent"),
        ({"op": "is_not_set"}, "bare never"),
        ({"op": "before", "value": "2026-04-16T12:00:00+00:00"}, "lapsed"),
        ({"op": "after", "value": "2026-04-16T12:00:00+00:00"}, "edge recent"),
    ],
)
def test_times(rule, expected):
    customer("recent", last_order_at=NOW - timedelta(days=1))
    customer("edge", last_order_at=NOW - timedelta(days=60))
    customer("lapsed", last_order_at=NOW - timedelta(days=60, seconds=1))
    customer("never", last_order_at=None)
    customer("bare")
    assert matched({"field": "profile.last_order_at", **rule}) == expected


def test_texts():
    customer("british", country="GB")
    customer("french", country="FR")
    customer("unknown")
    country = {"field": "customer.country"}
    assert matched({**country, "op": "=", "value": "GB"}) == "british"
    assert matched({**country, "op": "!=", "value": "GB"}) == "french unknown"
    assert matched({**country, "op": "in", "value": ["GB", "FR"]}) == "british french"
    assert matched({**country, "op": "not_in", "value": ["GB"]}) == "french unknown"
    assert matched({**country, "op": "is_set"}) == "british french"
    assert matched({**country, "op": "is_not_set"}) == "unknown"
    assert matched({**country, "op": "=", "value": "'; DROP TABLE users_customer; -- %s"}) == ""


@pytest.mark.parametrize(
    ("field", "op", "value", "expected"),
    [
        ("lifecycle", "in", ["loyal", "at_risk"], "fan"),
        ("lifecycle", "!=", "loyal", "bare new"),
        ("recency_quintile", ">=", 4, "fan"),
        ("monetary_quintile", "is_not_set", None, "bare new"),
        ("price_band", "between", [1, 2], "fan"),
        ("discount_affinity", ">=", "0.25", "fan"),
        ("discount_affinity", "<", "0.25", "new"),
        ("favourite_category", "=", "mugs", "fan"),
        ("favourite_category", "!=", "cups", "bare fan new"),
        ("favourite_brand", "is_set", None, "fan"),
        ("favourite_brand", "is_not_set", None, "bare new"),
        ("device", "=", "mobile", "fan"),
        ("session_count", "<", 1, "bare new"),
    ],
)
def test_what_a_profile_was_computed_to_be(field, op, value, expected):
    customer(
        "fan",
        lifecycle="loyal",
        recency_quintile=5,
        monetary_quintile=4,
        price_band=2,
        discount_affinity=0.25,
        favourite_categories=["mugs", "cups"],
        favourite_brands=["Blue"],
        device="mobile",
        session_count=3,
    )
    customer("new", lifecycle="new", discount_affinity=0.1)
    customer("bare")
    rule = {"field": f"profile.{field}", "op": op}
    assert matched(rule if value is None else {**rule, "value": value}) == expected


def test_not_is_the_exact_complement_also_where_data_is_missing():
    customer("recent", last_order_at=NOW, country="GB")
    customer("old", last_order_at=NOW - timedelta(days=99), country="GB")
    customer("bare", country="FR")
    recent = {"field": "profile.last_order_at", "op": "within_days", "value": 30}
    assert matched(recent) == "recent"
    assert matched({"not": recent}) == "bare old"
    assert matched({"not": {"not": recent}}) == "recent"
    assert matched({"not": {"all": [recent, {"field": "customer.country", "op": "=", "value": "FR"}]}}) == (
        "bare old recent"
    )


@pytest.fixture
def shoppers():
    for name, purchases in (("none", []), ("one", [5]), ("two", [5, 10]), ("long_ago", [100, 200, 300])):
        owner = customer(name)
        for days_ago in purchases:
            event(owner, days_ago=days_ago)
    event(Customer.objects.get(external_id="none"), EventType.VIEW)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, "long_ago one two"),
        ({"within_days": 90}, "one two"),
        ({"count": {">=": 2}}, "long_ago two"),
        ({"count": {">=": 2}, "within_days": 90}, "two"),
        ({"count": {">": 2}}, "long_ago"),
        ({"count": {"=": 1}}, "one"),
        ({"count": {"=": 0}}, "none"),
        ({"count": {"<": 2}}, "none one"),
        ({"count": {"<=": 2}, "within_days": 7}, "long_ago none one two"),
        ({"count": {">=": 1, "<": 3}}, "one two"),
        ({"never": True}, "none"),
        ({"never": True, "within_days": 90}, "long_ago none"),
    ],
)
def test_event_counts_in_windows(shoppers, rule, expected):
    assert matched({"event": "purchase", **rule}) == expected
    everyone = {"long_ago", "none", "one", "two"}
    assert set(matched({"not": {"event": "purchase", **rule}}).split()) == everyone - set(expected.split())


def test_events_by_item_category_with_those_below_it_and_brand():
    drinks = CategoryFactory(external_id="drinks")
    tea = ItemFactory(external_id="tea", category=CategoryFactory(external_id="hot", parent=drinks), brand="Ash")
    mug = ItemFactory(external_id="mug", brand="Ash")
    tea_drinker, mug_buyer = customer("tea_drinker"), customer("mug_buyer")
    event(tea_drinker, item=tea)
    event(mug_buyer, item=mug)
    event(customer("itemless"))
    assert matched({"event": "purchase", "item": {"ids": ["tea", "absent"]}}) == "tea_drinker"
    assert matched({"event": "purchase", "item": {"category": ["drinks"]}}) == "tea_drinker"
    assert matched({"event": "purchase", "item": {"brand": ["Ash"]}}) == "mug_buyer tea_drinker"
    assert matched({"event": "purchase", "item": {"brand": ["Ash"], "category": ["hot"]}}) == "tea_drinker"
    assert matched({"event": "purchase", "never": True, "item": {"category": ["drinks"]}}) == "itemless mug_buyer"


def test_the_newest_consent_holds():
    for name, ledger in (("yes", [True]), ("withdrawn", [True, False]), ("again", [False, True]), ("silent", [])):
        owner = customer(name)
        for day, granted in enumerate(ledger):
            Consent.objects.create(
                customer=owner, channel="email", granted=granted, source="t", recorded_at=NOW + timedelta(days=day)
            )
    assert matched({"consent": "email"}) == "again yes"
    assert matched({"not": {"consent": "email"}}) == "silent withdrawn"
    assert matched({"consent": "webpush"}) == ""


def test_coupons():
    now = timezone.now()
    for name, terms in (
        ("holder", {}),
        ("expired", {"issued_at": now - timedelta(days=30)}),
        ("used", {"uses": 1}),
        ("cancelled", {"status": CouponStatus.CANCELLED}),
    ):
        CouponFactory(customer__external_id=name, **terms)
    redeemed = CouponFactory(customer__external_id="redeemer", offer__name="Spring")
    order = {"code": redeemed.code, "order_id": "1", "customer_id": "redeemer"}
    reserve(**order, cart=Cart(Decimal(50), "GBP"))
    commit(**order)
    assert count_segment({"coupon": "unused"}) == 1
    segment = compile_rule({"coupon": "unused"})
    assert (
        Customer.objects.raw(
            f"SELECT c.* FROM users_customer c JOIN ({segment.sql}) s ON s.customer_id = c.id", segment.params
        )[0].external_id
        == "holder"
    )
    assert matched({"coupon": "redeemed"}) == "redeemer"
    assert matched({"coupon": "redeemed", "offer": "Spring"}) == "redeemer"


def test_segments_nest():
    customer("british", country="GB", order_count=3)
    customer("french", country="FR", order_count=3)
    SegmentFactory(name="Loyal", rule={"field": "profile.order_count", "op": ">=", "value": 3})
    british = {"field": "customer.country", "op": "=", "value": "GB"}
    assert matched({"all": [{"segment": "Loyal"}, british]}) == "british"
    assert matched({"all": [{"not": british}, {"segment": "Loyal"}]}) == "french"
    assert matched({"any": [british, {"segment": "Loyal"}]}) == "british french"


def test_erased_and_merged_customers_never_match():
    alive = customer("alive", order_count=1)
    customer("erased", order_count=1)
    customer("merged", order_count=1)
    Customer.objects.filter(external_id="erased").update(erased_at=NOW)
    Customer.objects.filter(external_id="merged").update(merged_into=alive)
    rule = {"field": "profile.order_count", "op": ">=", "value": 1}
    assert matched(rule) == "alive"
    assert matched({"not": {"not": rule}}) == "alive"
    assert matched({"event": "view", "never": True}) == "alive"
    assert count_segment(rule) == 1
