"""What a whole scoring writes besides the customers' rows; training and scoring are real."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from catalog.models import Category, Item
from catalog.services import ItemInput, upsert_items
from recommendations.models import ItemLinks, Recommendation, Shelf
from recommendations.scoring import score_customers
from recommendations.training import run_training, start_training
from tests.factories import CustomerFactory
from users.ingestion import CustomerInput, EventInput, ingest_customers, ingest_events
from users.models import Customer

pytestmark = pytest.mark.django_db


def test_scoring_writes_links_and_shelves_that_the_orders_prove():
    upsert_items(items=[ItemInput(f"i{n}", f"Item {n}", price=Decimal(5)) for n in range(12)])
    start = timezone.now() - timedelta(days=20)
    ingest_customers(
        customers=[CustomerInput(f"c{c}", country="GB" if c % 2 else "FR") for c in range(40)], source="test"
    )
    ingest_events(
        events=[
            EventInput(f"{c}-{day}-{n}", "purchase", start + timedelta(days=day), f"c{c}", item_id=f"i{n}", quantity=1)
            for c in range(40)
            for day in range(4)
            # Items 0 and 1 always come together, with one of the others; the British buy 2 to 5, the French 6 to 9.
            for n in (0, 1, 2 + (c + day) % 4 + (0 if c % 2 else 4))
        ],
        source="test",
    )
    run = start_training(architecture="item_knn", config={"time_budget": 20})
    run_training(training_run_id=run.pk)
    score_customers()
    key = dict(Item.objects.values_list("external_id", "pk"))
    links = ItemLinks.objects.get(item_id=key["i2"])
    assert links.buyers == 20
    assert set(links.similar_ids[:3]) <= {key[f"i{n}"] for n in (0, 1, 3, 4, 5)}
    # Items 0 and 1 are in every order: chance explains that they come together, and the lift is 1.
    assert not ItemLinks.objects.get(item_id=key["i0"]).together_ids
    assert not ItemLinks.objects.filter(item_id=key["i11"]).exists(), "nobody has had it"
    british = Shelf.objects.get(kind="popular", country="GB")
    assert set(british.item_ids[2:6]) == {key[f"i{n}"] for n in range(2, 6)}
    assert set(Shelf.objects.get(kind="new").item_ids) == {key["i10"], key["i11"]}
    newcomer = CustomerFactory(country="FR")
    score_customers()
    assert set(newcomer.recommendation.item_ids[2:6]) == {key[f"i{n}"] for n in range(6, 10)}
    assert Category.objects.count() == 0
    assert Customer.objects.count() == Recommendation.objects.count()
