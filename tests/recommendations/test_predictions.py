"""What is foretold of every customer, through the real scoring process, on a shop with a year of history."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from django.db import IntegrityError, transaction

from catalog.services import ItemInput, upsert_items
from recommendations.models import Prediction
from recommendations.registry import champion
from recommendations.scoring import score_customers
from recommendations.training import run_training, start_training
from tests.factories import PredictionFactory
from users.ingestion import CustomerInput, EventInput, ingest_customers, ingest_events
from users.models import Customer
from users.profiles.refresh import refresh_profiles

START = datetime(2025, 1, 1, tzinfo=UTC)
DAYS, CUSTOMERS = 400, 120


@pytest.fixture
def trained(db):
    """The first half comes about every ten days; the other half did so too, until each left at some time."""
    generator = np.random.default_rng(1)
    upsert_items(items=[ItemInput(f"i{n}", f"Item {n}", price=Decimal(10)) for n in range(8)])
    events = []
    for c in range(CUSTOMERS):
        gone = DAYS if c < CUSTOMERS // 2 else generator.uniform(30, DAYS - 20)
        for n, day in enumerate(np.cumsum(generator.exponential(10, 60))):
            if day < gone:
                at = START + timedelta(days=float(day))
                kind = ("view", "add_to_cart", "purchase")[n % 3]
                item = f"i{generator.integers(8)}"
                events.append(EventInput(f"{c}-{n}", kind, at, f"c{c}", item, price=Decimal(10), currency="EUR"))
    assert not ingest_events(events=events, source="test").refused
    ingest_customers(customers=[CustomerInput("newcomer")], source="test")
    run_training(training_run_id=start_training(architecture="item_knn", config={"time_budget": 20}).pk)
    refresh_profiles()
    score_customers()


def test_who_left_is_told_from_who_stays(trained):
    rows = {row.customer.external_id: row for row in Prediction.objects.select_related("customer")}
    assert len(rows) == CUSTOMERS
    assert {row.model_version for row in rows.values()} == {champion()}
    here = [rows[f"c{c}"] for c in range(CUSTOMERS // 2)]
    left = [rows[f"c{c}"] for c in range(CUSTOMERS // 2, CUSTOMERS)]
    for name in ("click", "cart", "purchase", "churn"):
        assert all(0 <= getattr(row, name) <= 1 for row in rows.values())
    mean = lambda rows, name: np.mean([getattr(row, name) for row in rows])  # noqa: E731
    assert mean(here, "churn") < 0.3 < 0.6 < mean(left, "churn")
    assert mean(here, "purchase") > mean(left, "purchase") + 0.3
    assert mean(here, "click") == pytest.approx(1 - np.exp(-1), abs=0.25)
    for row in rows.values():
        assert row.currency
        assert row.expected_value is not None
        assert row.expected_value >= 0


def test_the_next_scoring_replaces_them_and_takes_those_away_whose_past_is_gone(trained):
    gone = Customer.objects.get(external_id="c3")
    gone.events.all().delete()
    before = Prediction.objects.get(customer__external_id="c1").computed_at
    score_customers()
    assert not Prediction.objects.filter(customer=gone).exists()
    assert Prediction.objects.get(customer__external_id="c1").computed_at > before


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["click", "cart", "purchase", "churn"])
def test_a_probability_lies_between_0_and_1(name):
    with pytest.raises(IntegrityError), transaction.atomic():
        PredictionFactory(**{name: 1.2})
    assert PredictionFactory(**{name: None}).pk
