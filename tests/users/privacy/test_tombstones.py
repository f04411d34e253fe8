"""What was erased does not come back by a retry, on any way in, until its time is over."""

import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.db import connection, transaction
from django.utils import timezone

from catalog.validation import Refused
from tests.factories import CustomerFactory
from users.ingestion import (
    CustomerInput,
    EventInput,
    OrderInput,
    OrderLine,
    TrackingBatch,
    ingest_customers,
    ingest_events,
    ingest_orders,
    ingest_tracking,
)
from users.ingestion.identities import identify, merge_customers
from users.ingestion.tracking import Source
from users.models import Customer, ErasedId, Event, Order, QualityCount
from users.privacy.access import COMMAND
from users.privacy.erase import erase_customer
from users.privacy.retention import apply_retention
from users.privacy.tombstones import bury, find_erased, was_erased

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LINES = (OrderLine("i1", 1, Decimal(5)),)


@pytest.fixture
def erased(db):
    """The ids of a customer that was erased together with the visitor it had been."""
    identify(pairs=[("cookie", "gone")])
    erase_customer(customer=Customer.objects.get(external_id="gone"), actor=COMMAND)
    return "gone"


def test_every_way_in_refuses_an_erased_customer_and_keeps_the_others(erased):
    customers = ingest_customers(customers=[CustomerInput("gone"), CustomerInput("here")], source="test")
    events = ingest_events(
        events=[
            EventInput("m1", "view", NOON, "gone", "i1"),
            EventInput("m2", "view", NOON, "here", "i1"),
            EventInput("m3", "view", NOON, "", "i1", anonymous_id="cookie"),
            EventInput("m4", "view", NOON, "here", "i1", anonymous_id="cookie"),
        ],
        source="test",
    )
    orders = ingest_orders(
        orders=[OrderInput("o1", "gone", NOON, "GBP", LINES), OrderInput("o2", "here", NOON, "GBP", LINES)],
        source="test",
    )
    assert [(row.index, row.reason) for row in customers.refused] == [(0, "erased")]
    assert [(row.index, row.reason) for row in events.refused] == [(0, "erased"), (2, "erased")]
    assert [(row.index, row.reason) for row in orders.refused] == [(0, "erased")]
    assert set(Customer.objects.filter(erased_at=None).values_list("external_id", flat=True)) == {"here"}
    assert (Event.objects.count(), Order.objects.count()) == (3, 1)


def test_identities_of_an_erased_customer_are_refused(erased):
    for pair in (("cookie", "new"), ("other", "gone")):
        with pytest.raises(Refused, match="erased"):
            identify(pairs=[pair])
    with pytest.raises(Refused, match="erased"):
        merge_customers(previous_id="gone", external_id="new")
    batch = TrackingBatch(
        identities=[(Source(0, "m0", NOON), ("cookie", "new"))],
        events=[(Source(1, "m1", NOON), EventInput("m1", "view", NOON, "gone", "i1"))],
    )
    result = ingest_tracking(batch=batch, source="test")
    assert result.accepted == 0
    assert [(row.index, row.reason) for row in result.refused] == [(0, "erased"), (1, "erased")]
    assert sum(QualityCount.objects.filter(reason="erased").values_list("rows", flat=True)) == 2
    assert not Customer.objects.filter(erased_at=None).exists()


def test_after_some_days_the_same_id_starts_afresh(erased, settings):
    with time_machine.travel(timezone.now() + timedelta(days=settings.ERASED_REFUSE_DAYS, hours=1)):
        assert not was_erased("gone")
        assert ingest_customers(customers=[CustomerInput("gone")], source="test").accepted == 1
        assert [(gone.rule, gone.rows) for gone in apply_retention()] == [("hashes of erased ids", 2)]
    assert Customer.objects.filter(external_id="gone", erased_at=None, merged_from=None).exists()
    assert not ErasedId.objects.exists()


def test_one_of_many_erased_is_found_whether_few_or_many_are_asked_about(erased):
    bury(external_ids=[f"other-{n}" for n in range(50)], anonymous_ids=[])
    for asked in (["gone"], ["gone", "here"], ["gone", *(f"c{n}" for n in range(200))]):
        assert find_erased(customer_ids=asked).customer_ids == {"gone"}
    assert not find_erased(customer_ids=["cookie"], anonymous_ids=["gone"]).customer_ids


def test_the_id_itself_is_not_kept(erased):
    assert all("gone" not in row.id_hash and len(row.id_hash) == 32 for row in ErasedId.objects.all())


@pytest.mark.django_db(transaction=True)
def test_a_batch_that_was_checked_just_before_an_erasure_is_checked_again():
    """Ten clients send the same customer's events while it is erased: whoever comes after finds it refused."""
    customer = CustomerFactory(external_id="gone")
    errors: list[BaseException] = []

    def send(number: int) -> None:
        try:
            for turn in range(10):
                ingest_events(events=[EventInput(f"{number}-{turn}", "view", NOON, "gone", "i1")], source="test")
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    erase_customer(customer=customer, actor=COMMAND)
    for thread in threads:
        thread.join()
    assert errors == []
    assert not Customer.objects.filter(external_id="gone").exists()
    assert not Event.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_an_erasure_waits_for_a_batch_that_is_under_way():
    customer = CustomerFactory(external_id="gone")
    erasing = threading.Thread(target=lambda: (erase_customer(customer=customer, actor=COMMAND), connection.close()))
    with transaction.atomic():
        ingest_events(events=[EventInput("m1", "view", NOON, "gone", "i1")], source="test")
        erasing.start()
        erasing.join(0.3)
        assert erasing.is_alive()
    erasing.join()
    customer.refresh_from_db()
    assert customer.erased_at is not None
    assert not Event.objects.exists()


def test_a_batch_is_checked_again_when_somebody_is_erased_just_before_it_is_stored(db, monkeypatch):
    looked_up = []

    def find_then_erase(**ids):
        found = find_erased(**ids)
        if not looked_up:
            bury(external_ids=["gone"], anonymous_ids=[])
        looked_up.append(found.newest)
        return found

    monkeypatch.setattr("users.ingestion.events.find_erased", find_then_erase)
    seen = [EventInput("m1", "view", NOON, "gone", "i1"), EventInput("m2", "view", NOON, "here", "i1")]
    with transaction.atomic():
        result = ingest_events(events=seen, source="test")
    assert [(row.index, row.reason) for row in result.refused] == [(0, "erased")]
    assert (result.accepted, Event.objects.count(), len(looked_up)) == (1, 1, 2)
