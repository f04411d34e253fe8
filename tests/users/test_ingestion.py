import threading
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone

from catalog.models import Item
from users.ingestion import (
    ConsentInput,
    CustomerInput,
    EventInput,
    OrderInput,
    OrderLine,
    ingest_customers,
    ingest_events,
    ingest_orders,
)
from users.models import Consent, Customer, Event, EventKey, Order, QualityCount

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def view(message_id: str = "m1", **changes) -> EventInput:
    return replace(EventInput(message_id, "view", NOON, "c1", item_id="i1"), **changes)


@pytest.mark.django_db
def test_a_new_event_brings_its_customer_and_item():
    result = ingest_events(events=[view()], source="test")
    assert (result.accepted, result.duplicates, result.refused) == (1, 0, [])
    event = Event.objects.select_related("customer", "item").get()
    assert (event.customer.external_id, event.item.external_id, event.occurred_at) == ("c1", "i1", NOON)
    assert not Item.objects.get().is_active, "an item that nobody has described is not on sale"


@pytest.mark.django_db
def test_a_retry_counts_once_even_with_another_time_and_order():
    batch = [view("a"), view("b", occurred_at=NOON + timedelta(hours=1))]
    ingest_events(events=batch, source="test")
    moved = [replace(event, occurred_at=event.occurred_at + timedelta(days=40)) for event in reversed(batch)]
    result = ingest_events(events=[*moved, view("a")], source="test")
    assert (result.accepted, result.duplicates) == (0, 3)
    assert Event.objects.count() == 2
    assert QualityCount.objects.get(reason="duplicate").rows == 3


@pytest.mark.django_db
def test_events_of_any_month_find_a_partition():
    times = [datetime(2011, 1, 31, 23, 59, tzinfo=UTC), datetime(2012, 2, 29, tzinfo=UTC), timezone.now()]
    result = ingest_events(events=[view(str(time), occurred_at=time) for time in times], source="test")
    assert result.accepted == 3
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(DISTINCT tableoid) FROM users_event")
        assert cursor.fetchone() == (3,)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"type": "teleport"}, "unknown_type"),
        ({"customer_id": ""}, "missing_customer_id"),
        ({"customer_id": "x" * 1000}, "bad_customer_id"),
        ({"item_id": "nul\x00"}, "bad_item_id"),
        ({"item_id": "half \ud800"}, "bad_item_id"),
        ({"item_id": None}, "missing_item_id"),
        ({"context": {"half": "\ud800"}}, "bad_context"),
        ({"context": {"nul": "\x00"}}, "bad_context"),
        ({"occurred_at": datetime(2026, 1, 1)}, "bad_occurred_at"),  # noqa: DTZ001
        ({"occurred_at": datetime(1970, 1, 1, tzinfo=UTC)}, "too_old"),
        ({"occurred_at": datetime(2099, 1, 1, tzinfo=UTC)}, "in_the_future"),
        ({"price": Decimal(-1), "currency": "EUR"}, "bad_price"),
        ({"price": Decimal("NaN"), "currency": "EUR"}, "bad_price"),
        ({"price": Decimal(1), "currency": "euro"}, "bad_currency"),
        ({"quantity": 0}, "bad_quantity"),
        ({"value": float("nan")}, "bad_value"),
        ({"context": {"score": float("inf")}}, "bad_context"),
    ],
)
@pytest.mark.django_db
def test_a_bad_event_is_refused_with_its_place_and_the_good_ones_are_kept(changes, reason):
    result = ingest_events(events=[view("a"), view("bad", **changes), view("c", item_id="🎁")], source="test")
    assert [(row.index, row.reason) for row in result.refused] == [(1, reason)]
    assert result.accepted == 2
    assert QualityCount.objects.get(reason=reason).rows == 1


@pytest.mark.django_db(transaction=True)
def test_twenty_clients_retrying_the_same_batch_at_once_count_it_once():
    batch = [view(str(uuid.uuid4()), customer_id=f"c{n % 7}", item_id=f"i{n % 5}") for n in range(100)]
    errors = []

    def client(seed: int) -> None:
        rotated = batch[seed * 5 :] + batch[: seed * 5]
        try:
            ingest_events(events=rotated, source="test")
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=client, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert Event.objects.count() == EventKey.objects.count() == 100
    assert QualityCount.objects.get(reason="duplicate").rows == 1900


ORDER = OrderInput(
    "o1", "c1", NOON, "GBP", (OrderLine("i1", 2, Decimal("3.50")), OrderLine("i2", 1, Decimal(10))), discount=Decimal(2)
)


@pytest.mark.django_db
def test_an_order_becomes_one_row_and_its_lines_events():
    assert ingest_orders(orders=[ORDER], source="test").accepted == 1
    order = Order.objects.get()
    assert (order.total, order.discount, order.currency) == (Decimal("15.00"), Decimal("2.00"), "GBP")
    assert set(order.lines.values_list("item__external_id", "quantity", "price", "type")) == {
        ("i1", 2, Decimal("3.50"), 6),
        ("i2", 1, Decimal("10.00"), 6),
    }


@pytest.mark.django_db
def test_an_order_sent_again_changes_nothing_and_a_changed_one_is_updated():
    ingest_orders(orders=[ORDER], source="test")
    assert ingest_orders(orders=[ORDER, ORDER], source="test").duplicates == 2
    assert ingest_orders(orders=[replace(ORDER, status="cancelled")], source="test").accepted == 1
    assert Order.objects.get().status == "cancelled"
    assert Event.objects.count() == 2


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"lines": ()}, "missing_lines"),
        ({"currency": "??"}, "bad_currency"),
        ({"status": "lost"}, "bad_status"),
        ({"total": Decimal(-3)}, "bad_total"),
        ({"lines": (OrderLine("i1", -1, Decimal(1)),)}, "bad_quantity"),
    ],
)
@pytest.mark.django_db
def test_a_bad_order_is_refused(changes, reason):
    result = ingest_orders(orders=[ORDER, replace(ORDER, order_id="bad", **changes)], source="test")
    assert [(row.index, row.reason) for row in result.refused] == [(1, reason)]
    assert Order.objects.count() == 1


@pytest.mark.django_db
def test_a_customer_is_created_updated_and_encrypted():
    yes = ConsentInput("email", granted=True, source="checkout")
    first = CustomerInput("c1", email="Ann@Example.com", country="GB", consents=(yes,))
    ingest_customers(customers=[first, first], source="test")
    ingest_customers(customers=[CustomerInput("c1", first_name="Ann", consents=(yes,))], source="test")
    customer = Customer.objects.get()
    assert (customer.email, customer.first_name, customer.country) == ("Ann@Example.com", "Ann", "GB")
    assert Consent.objects.count() == 1, "the ledger grows only when something changes"
    with connection.cursor() as cursor:
        cursor.execute("SELECT email FROM users_customer")
        assert "ann" not in cursor.fetchone()[0].lower()
    ingest_customers(
        customers=[CustomerInput("c1", consents=(replace(yes, granted=False),)), CustomerInput("c2", email="nope")],
        source="test",
    )
    assert list(Consent.objects.order_by("id").values_list("granted", flat=True)) == [True, False]
    assert QualityCount.objects.get(reason="bad_email").rows == 1


@pytest.mark.django_db
def test_behind_a_pooler_no_statement_is_left_prepared(monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", True)
    ingest_events(events=[view("a")], source="test")  # prepared by an earlier test, or not
    for message_id in ("b", "c"):
        ingest_events(events=[view(message_id)], source="test")
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE name = 'store_events'")
            assert cursor.fetchone() == (0,)
    assert Event.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_a_new_connection_prepares_again():
    for message_id in ("a", "b"):
        assert ingest_events(events=[view(message_id)], source="test").accepted == 1
        connection.close()


@pytest.mark.django_db
def test_an_event_of_a_visitor_that_was_joined_to_a_customer_counts_for_the_customer():
    ingest_events(events=[view("a", customer_id="", anonymous_id="v1")], source="test")
    customer = Customer.objects.create(external_id="c1")
    Customer.objects.filter(anonymous_id="v1").update(merged_into=customer)
    ingest_events(events=[view("b", customer_id="", anonymous_id="v1"), view("c")], source="test")
    assert Event.objects.filter(customer=customer).count() == 2
