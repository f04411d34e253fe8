from datetime import UTC, datetime
from decimal import Decimal

import pytest

from catalog.models import Item
from recommendations.export import export_interactions, not_repurchasable_items, recommendable_items
from users.ingestion import EventInput, ingest_events
from users.models import Customer

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.django_db
def test_events_come_out_as_arrays_sorted_by_customer_and_time():
    ingest_events(
        events=[
            EventInput("3", "purchase", NOON.replace(hour=14), "b", "y", quantity=2),
            EventInput("1", "view", NOON, "b", "x"),
            EventInput("2", "rating", NOON, "a", "x", value=4.5),
            EventInput("4", "refund", NOON, "a", "x", quantity=1),
            EventInput("5", "search", NOON, "a", context={"query": "mug"}),
        ],
        source="test",
    )
    found = export_interactions()
    customers = dict(Customer.objects.values_list("pk", "external_id"))
    items = dict(Item.objects.values_list("pk", "external_id"))
    rows = [
        (customers[found.customer_ids[c]], items[found.item_ids[i]], int(kind), float(value))
        for c, i, kind, value in zip(found.customer, found.item, found.type, found.value, strict=True)
    ]
    assert sorted(rows) == [("a", "x", 8, 4.5), ("b", "x", 1, 1.0), ("b", "y", 6, 2.0)]
    b = [row for row in rows if row[0] == "b"]
    assert [row[1] for row in b] == ["x", "y"], "in time order within a customer"
    assert found.time.min() == NOON.timestamp()


@pytest.mark.django_db
def test_an_empty_database_gives_empty_arrays():
    assert len(export_interactions()) == 0


@pytest.mark.django_db
def test_only_items_on_sale_and_in_stock_are_recommendable():
    for name, fields in {
        "good": {},
        "uncounted": {"stock": None},
        "out": {"stock": 0},
        "off": {"is_active": False},
        "no price": {"price": None},
        "once": {"is_repurchasable": False},
    }.items():
        Item.objects.create(external_id=name, title=name, **{"price": Decimal(1), "stock": 3, **fields})
    names = dict(Item.objects.values_list("pk", "external_id"))
    assert [names[pk] for pk in recommendable_items()] == ["good", "uncounted", "once"]
    assert [names[pk] for pk in not_repurchasable_items()] == ["once"]
