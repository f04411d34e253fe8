"""Every kind of rule by API: created, read in both languages, counted, and its members named."""

from datetime import date, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.utils import timezone

from notifications.choices import CouponStatus
from tests.factories import (
    CategoryFactory,
    ConsentFactory,
    CouponFactory,
    CustomerFactory,
    ItemFactory,
    MessageFactory,
    PredictionFactory,
    SegmentFactory,
)
from users.choices import EventType
from users.ingestion.partitions import make_partitions, month_of
from users.models import Event, Order, Profile

PURCHASE = {"event": "purchase", "count": {">=": 2}, "within_days": 30}
EVERY_RULE = {
    "country": {"field": "customer.country", "op": "=", "value": "GB"},
    "language": {"field": "customer.language", "op": "in", "value": ["zh", "en"]},
    "birth date": {"field": "customer.birth_date", "op": "is_set"},
    "attribute": {"attribute": "club", "op": "=", "value": "gold"},
    "recency": {"field": "profile.recency_quintile", "op": ">=", "value": 4},
    "frequency": {"field": "profile.frequency_quintile", "op": ">=", "value": 4},
    "monetary": {"field": "profile.monetary_quintile", "op": ">=", "value": 4},
    "lifecycle": {"field": "profile.lifecycle", "op": "in", "value": ["active"]},
    "last order": {"field": "profile.last_order_at", "op": "within_days", "value": 10},
    "favourite category": {"field": "profile.favourite_categories", "op": "in", "value": ["tea"]},
    "price band": {"field": "profile.price_band", "op": ">=", "value": 3},
    "event with an item": {**PURCHASE, "item": {"category": ["tea"], "brand": ["Ash"], "price": {">=": "1.00"}}},
    "event with a count": PURCHASE,
    "never": {"not": {"event": "purchase", "never": True, "within_days": 30}},
    "number of orders": {"orders": "count", "op": ">=", "value": 1, "within_days": 30},
    "sum of orders": {"orders": "total", "op": ">=", "value": "50.00"},
    "last order placed": {"orders": "last", "op": "within_days", "value": 30},
    "prediction": {"prediction": "churn", "op": ">=", "value": 0.7},
    "top of a prediction": {"prediction": "purchase", "top_percent": 50},
    "message received": {"message": "received", "within_days": 30},
    "message clicked": {"message": "clicked", "campaign": "Spring"},
    "coupon": {"coupon": "unused"},
    "consent": {"consent": "email"},
    "another segment": {"segment": "British"},
    "and": {"all": [PURCHASE, {"consent": "email"}]},
    "or": {"any": [PURCHASE, {"orders": "total", "op": ">=", "value": "50.00"}]},
    "not": {"not": {"field": "customer.country", "op": "=", "value": "FR"}},
}


@pytest.fixture
def ann(db):
    """For whom every rule holds; for Bob, who is as new as can be, none does."""
    now = timezone.now()
    make_partitions({month_of(now), month_of(now - timedelta(days=2))})
    SegmentFactory(name="British", rule=EVERY_RULE["country"])
    item = ItemFactory(category=CategoryFactory(external_id="tea"), brand="Ash", price=Decimal("9.00"))
    ann = CustomerFactory(
        external_id="ann", country="GB", language="en", birth_date=date(1990, 5, 1), attributes={"club": "gold"}
    )
    bob = CustomerFactory(external_id="bob", country="FR", language="fr", birth_date=None, attributes={})
    Profile.objects.create(
        customer=ann,
        refreshed_at=now,
        recency_quintile=5,
        frequency_quintile=5,
        monetary_quintile=5,
        lifecycle="active",
        last_order_at=now - timedelta(days=2),
        favourite_categories=["tea"],
        price_band=4,
    )
    for number in range(2):
        Event.objects.create(
            id=number + 1,
            message_id=uuid4(),
            customer=ann,
            item=item,
            type=EventType.PURCHASE,
            occurred_at=now - timedelta(days=2),
            received_at=now,
        )
    Order.objects.create(
        external_id="A-1", customer=ann, placed_at=now - timedelta(days=2), total=Decimal(60), currency="GBP"
    )
    PredictionFactory(customer=ann, churn=0.9, purchase=0.9)
    PredictionFactory(customer=bob, churn=0.1, purchase=0.1)
    message = MessageFactory(
        recipient__customer=ann,
        recipient__run__campaign__name="Spring",
        state="sent",
        sent_at=now,
        first_clicked_at=now,
    )
    assert message.customer == ann
    CouponFactory(customer=ann, status=CouponStatus.ISSUED)
    ConsentFactory(customer=ann, channel="email")
    return ann


@pytest.mark.parametrize("rule", EVERY_RULE.values(), ids=EVERY_RULE)
def test_a_rule_is_saved_read_counted_and_names_its_members(api, ann, rule):
    made = api.post("/api/v1/segments/", {"name": "Mine", "rule": rule})
    assert made.status_code == 201, made.json()
    url = f"/api/v1/segments/{made.json()['id']}/"
    chinese = api.get(url, headers={"Accept-Language": "zh-hans"}).json()["sentence"]
    assert made.json()["sentence"].startswith("Customers")
    assert chinese.startswith("满足以下条件的客户")
    assert api.get(f"{url}count/").json()["count"] == 1
    assert "ann" in str(api.get(f"{url}members/").json())
