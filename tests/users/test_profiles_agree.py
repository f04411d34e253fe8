"""Refreshing what is due and computing everything anew give the same rows, whatever happened in whatever order."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.factories import CategoryFactory, ItemFactory
from users.ingestion import (
    CustomerInput,
    EventInput,
    OrderInput,
    OrderLine,
    ingest_customers,
    ingest_events,
    ingest_orders,
)
from users.ingestion.identities import identify, merge_customers
from users.ingestion.inputs import OrderChangeInput
from users.ingestion.order_changes import keep_changes, lock_orders, settle_orders
from users.models import Profile, ProfileDue
from users.profiles import refresh, refresh_due_profiles, refresh_profiles, refresh_standing

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
NAMES = [f"c{number}" for number in range(5)]
ITEMS = [f"i{number}" for number in range(6)]
ZONES = ["", "Europe/Berlin", "America/New_York", "Asia/Kolkata"]

names = st.sampled_from(NAMES)
prices = st.decimals(min_value="0.01", max_value="200", places=2)
times = st.integers(0, 400 * 24 * 60).map(lambda minutes: AS_OF - timedelta(minutes=minutes))
events = st.builds(
    EventInput,
    message_id=st.uuids().map(str),
    type=st.sampled_from(
        ["view", "click", "add_to_cart", "wishlist", "purchase", "refund", "unsubscribe", "impression", "rating"]
    ),
    occurred_at=times,
    customer_id=names,
    item_id=st.sampled_from(ITEMS),
    quantity=st.integers(1, 5),
    price=prices,
    currency=st.sampled_from(["GBP", "USD"]),
    context=st.sampled_from([None, {"device": "mobile"}, {"device": "desktop"}, {"device": ""}]),
)
orders = st.builds(
    OrderInput,
    order_id=st.integers(0, 30).map(lambda number: f"o{number}"),
    customer_id=names,
    placed_at=times,
    currency=st.sampled_from(["GBP", "USD"]),
    lines=st.lists(
        st.builds(OrderLine, item_id=st.sampled_from(ITEMS), quantity=st.integers(1, 3), price=prices), min_size=1
    ).map(tuple),
    discount=st.sampled_from([Decimal(0), Decimal(5)]),
    coupon_code=st.sampled_from(["", "SPRING"]),
)
changes = st.builds(
    OrderChangeInput,
    order_id=st.integers(0, 30).map(lambda number: f"o{number}"),
    status=st.sampled_from(["cancelled", "refunded"]),
    said_at=times,
    amount=st.sampled_from([None, Decimal("3.00")]),
)
homes = st.builds(CustomerInput, external_id=names, time_zone=st.sampled_from(ZONES))
steps = st.one_of(
    st.lists(events, max_size=20).map(lambda found: lambda: ingest_events(events=found, source="test")),
    st.lists(orders, max_size=5).map(lambda found: lambda: ingest_orders(orders=found, source="test")),
    st.lists(changes, max_size=5).map(lambda found: lambda: change_orders(found)),
    st.lists(homes, max_size=3).map(lambda found: lambda: ingest_customers(customers=found, source="test")),
    st.tuples(names, names).map(lambda pair: lambda: merge_customers(previous_id=pair[0], external_id=pair[1])),
    st.just(lambda: refresh_due_profiles(as_of=AS_OF)),
)


def change_orders(found: list[OrderChangeInput]) -> None:
    with transaction.atomic():
        lock_orders(changing=True)
        keep_changes(changes=found)
        settle_orders(order_ids={change.order_id for change in found})


def rows() -> list[dict]:
    columns = [field.name for field in Profile._meta.fields if field.name != "refreshed_at"]
    return list(Profile.objects.order_by("pk").values(*columns))


@pytest.mark.django_db
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(steps, min_size=1, max_size=8), ranges=st.sampled_from([1, 2, 1000]))
def test_what_is_due_and_everything_give_the_same_rows(history, ranges):

    with pytest.MonkeyPatch.context() as patch, transaction.atomic():
        patch.setattr(refresh, "RANGE", ranges)
        patch.setattr(refresh, "MARKS", ranges)
        categories = [CategoryFactory(), CategoryFactory(), None]
        for number, name in enumerate(ITEMS):
            price = Decimal(number * 20 + 5)
            brand = "AB"[number % 2] if number < 4 else ""
            ItemFactory(external_id=name, price=price, list_price=price, category=categories[number % 3], brand=brand)
        refresh_profiles(as_of=AS_OF)
        for step in history:
            step()
        refresh_due_profiles(as_of=AS_OF)
        assert not ProfileDue.objects.exists()
        refresh_standing(as_of=AS_OF)
        incremental = rows()
        refresh_profiles(as_of=AS_OF)
        assert rows() == incremental, "computing everything changed what was refreshed bit by bit"
        Profile.objects.all().delete()
        refresh_profiles(as_of=AS_OF)
        assert rows() == incremental, "the rows depend on what stood there before"
        transaction.set_rollback(True)


@pytest.mark.django_db
def test_a_visitor_who_identifies_itself_takes_its_profile_along():
    ingest_events(events=[EventInput("1", "search", AS_OF - timedelta(days=1), anonymous_id="visitor")], source="test")
    refresh_due_profiles(as_of=AS_OF)
    identify(pairs=[("visitor", "c1")])
    refresh_due_profiles(as_of=AS_OF)
    assert list(Profile.objects.values_list("customer__external_id", "event_count")) == [("c1", 1)]
