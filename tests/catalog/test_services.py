from dataclasses import replace
from decimal import Decimal

import pytest

from catalog.models import Category, Item
from catalog.services import ItemInput, upsert_items

MUG = ItemInput("i1", "Blue mug", category="kitchen", price=Decimal("4.50"), currency="GBP", stock=3)


@pytest.mark.django_db
def test_items_are_created_then_replaced():
    assert upsert_items(items=[MUG]).accepted == 1
    upsert_items(items=[replace(MUG, title="Red mug", price=Decimal(5))])
    item = Item.objects.get()
    assert (item.title, item.price, item.category.external_id) == ("Red mug", Decimal("5.00"), "kitchen")
    assert Category.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"external_id": ""}, "missing_external_id"),
        ({"title": " "}, "missing_title"),
        ({"title": "x" * 501}, "bad_title"),
        ({"brand": "half \ud800"}, "bad_brand"),
        ({"price": Decimal(-1)}, "bad_price"),
        ({"currency": "??"}, "bad_currency"),
        ({"stock": -1}, "bad_stock"),
        ({"attributes": {"size": float("nan")}}, "bad_attributes"),
    ],
)
@pytest.mark.django_db
def test_a_bad_item_is_refused_and_the_good_one_kept(changes, reason):
    result = upsert_items(items=[replace(MUG, external_id="bad") if "external_id" not in changes else MUG, MUG])
    assert result.refused == []
    result = upsert_items(items=[MUG, replace(MUG, **changes)])
    assert [(row.index, row.reason) for row in result.refused] == [(1, reason)]
    assert result.accepted == 1
