from datetime import UTC, datetime
from decimal import Decimal

import pytest

from users.ingestion import EventInput, OrderInput, OrderLine, ingest_events, ingest_orders
from users.models import Customer, Profile
from users.profiles import refresh_profiles


def day(number: int) -> datetime:
    return datetime(2026, 3, number, tzinfo=UTC)


def order(order_id: str, when: datetime, price: str, currency: str = "GBP") -> OrderInput:
    return OrderInput(order_id, "c1", when, currency, (OrderLine("i1", 1, Decimal(price)),))


@pytest.fixture
def history(db):
    ingest_orders(
        orders=[order("o1", day(1), "10"), order("o2", day(3), "20"), order("o3", day(4), "99", "USD")], source="test"
    )
    refund = EventInput("r", "refund", day(5), "c1", "i1", quantity=1, price=Decimal(5), currency="GBP")
    ingest_events(events=[refund, EventInput("v", "view", day(6), "c2", "i1")], source="test")


def test_a_profile_counts_orders_and_nets_refunds_in_the_shops_currency(history):
    assert refresh_profiles() == 2
    profile = Profile.objects.get(customer__external_id="c1")
    assert (profile.order_count, profile.event_count) == (3, 4)
    assert (profile.first_order_at, profile.last_order_at) == (day(1), day(4))
    assert (profile.revenue, profile.average_order_value) == (Decimal("25.00"), Decimal("15.00"))
    assert Profile.objects.get(customer__external_id="c2").last_order_at is None


def test_refreshing_one_customer_gives_the_same_row_as_refreshing_all(history):
    refresh_profiles()
    columns = [field.name for field in Profile._meta.fields if field.name != "refreshed_at"]
    whole = list(Profile.objects.order_by("pk").values(*columns))
    Profile.objects.update(revenue=0, order_count=0)
    for customer_id in Customer.objects.values_list("pk", flat=True):
        assert refresh_profiles(customer_ids=[customer_id]) == 1
    assert list(Profile.objects.order_by("pk").values(*columns)) == whole
