"""Training and scoring through the real subprocess, on a small shop whose customers repeat a pattern."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from catalog.models import Item
from catalog.services import ItemInput, upsert_items
from recommendations.choices import TrainingStatus
from recommendations.job import JobError
from recommendations.models import ModelVersion, Recommendation, TrainingRun
from recommendations.registry import champion, verdict
from recommendations.scoring import NoChampion, score_customers
from recommendations.serving import known_of, recommended_items
from recommendations.training import cancel_training, run_training, start_training
from users.api_keys import create_api_key
from users.choices import ApiScope
from users.ingestion import CustomerInput, EventInput, ingest_customers, ingest_events
from users.models import Customer

START = datetime(2026, 1, 1, tzinfo=UTC)
ITEMS, CUSTOMERS, LENGTH = 30, 60, 8


@pytest.fixture
def shop(db):
    """Customer n buys items n, n + 1, n + 2 …, one a day, so that the next item follows from the last."""
    upsert_items(items=[ItemInput(f"i{n}", f"Item {n}", price=Decimal(n + 1)) for n in range(ITEMS)])
    ingest_events(
        events=[
            EventInput(f"{c}-{n}", "purchase", START + timedelta(days=n), f"c{c}", f"i{(c + n) % ITEMS}", quantity=1)
            for c in range(CUSTOMERS)
            for n in range(LENGTH)
        ],
        source="test",
    )
    ingest_customers(customers=[CustomerInput("newcomer")], source="test")


@pytest.fixture
def trained(shop) -> TrainingRun:
    run = start_training(architecture="item_knn", config={"time_budget": 20})
    return run_training(training_run_id=run.pk)


def test_a_training_is_judged_and_its_winner_serves(trained):
    assert trained.status == TrainingStatus.SUCCEEDED, trained.error
    assert set(trained.metrics) == {"item_knn", "popularity"}
    assert all(0 <= trained.metrics[name]["ndcg@10"] <= 1 for name in trained.metrics)
    assert (trained.customers, trained.items, trained.interactions) == (CUSTOMERS, ITEMS, CUSTOMERS * LENGTH)
    assert champion().training_run == trained
    assert ModelVersion.objects.count() == 2
    assert verdict(trained)


def test_a_training_runs_once_however_often_its_task_is_delivered(trained):
    again = run_training(training_run_id=trained.pk)
    assert again.finished_at == trained.finished_at
    assert ModelVersion.objects.count() == 2


def test_a_cancelled_training_does_not_run(shop):
    run = start_training(architecture="item_knn")
    assert cancel_training(training_run=run)
    assert run_training(training_run_id=run.pk).status == TrainingStatus.CANCELLED
    assert champion() is None
    assert not cancel_training(training_run=run)


@pytest.mark.django_db
def test_a_training_without_data_fails_with_a_reason_and_the_champion_stays():
    run = start_training(architecture="item_knn")
    with pytest.raises(JobError):
        run_training(training_run_id=run.pk)
    run.refresh_from_db()
    assert run.status == TrainingStatus.FAILED
    assert run.error
    assert champion() is None


@pytest.mark.django_db
@pytest.mark.parametrize("arguments", [{"architecture": "oracle"}, {"config": {"magic": 1}}])
def test_unknown_architectures_and_options_are_refused(arguments):
    with pytest.raises(ValueError, match="Unknown"):
        start_training(**arguments)


@pytest.mark.django_db
def test_scoring_before_the_first_training_says_what_to_do():
    with pytest.raises(NoChampion, match="train"):
        score_customers()
    with pytest.raises(CommandError, match="train"):
        call_command("score")


def test_everybody_gets_recommendations_with_reasons_from_their_own_history(trained):
    assert score_customers() == CUSTOMERS + 1
    bought = {}
    for customer in Customer.objects.exclude(external_id="newcomer"):
        bought[customer.pk] = set(customer.events.values_list("item_id", flat=True))
    for row in Recommendation.objects.all():
        assert len(row.item_ids) == len(row.scores) == len(row.reason_item_ids) == len(set(row.item_ids))
        known = bought.get(row.customer_id, set())
        assert row.bought_before == [item_id in known for item_id in row.item_ids]
        assert row.scores == sorted(row.scores, reverse=True)
        assert {reason for reason in row.reason_item_ids if reason} <= bought.get(row.customer_id, set())
    newcomer = Recommendation.objects.get(customer__external_id="newcomer")
    assert newcomer.item_ids, "a customer without history gets what is popular"
    assert set(newcomer.reason_item_ids) == {None}


def test_an_item_that_nobody_buys_twice_is_not_offered_to_its_buyers(trained):
    item = Item.objects.get(external_id="i3")
    Item.objects.filter(pk=item.pk).update(is_repurchasable=False)
    score_customers()
    buyers = Customer.objects.filter(events__item=item).distinct()
    assert buyers.count()
    assert not Recommendation.objects.filter(customer__in=buyers, item_ids__contains=[item.pk]).exists()
    assert Recommendation.objects.filter(item_ids__contains=[item.pk]).exists()


def test_what_went_off_sale_since_the_scoring_is_not_shown(trained):
    score_customers()
    customer = Customer.objects.get(external_id="c5")
    first, second, *_rest = recommended_items(known_of(customer.pk), count=10)
    Item.objects.filter(pk=first.item.pk).update(is_active=False)
    assert recommended_items(known_of(customer.pk), count=1)[0].item == second.item


def test_the_api_answers_with_items_and_reasons(trained):
    score_customers()
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {create_api_key(name='shop', scope=ApiScope.SERVER)[1]}")
    body = client.get("/api/v1/customers/c5/recommendations/?limit=3").json()
    assert len(body) == 3
    assert {"item_id", "title", "price", "because_of", "bought_before", "score"} <= set(body[0])
    assert client.get("/api/v1/customers/nobody/recommendations/").status_code == 404
    assert client.get("/api/v1/customers/c5/recommendations/?limit=0").status_code == 400


def test_an_item_that_nobody_has_bought_yet_is_recommended_too(shop):
    for n in range(ITEMS):
        Item.objects.filter(external_id=f"i{n}").update(title="Red mug" if n % 2 else "Garden hose")
    upsert_items(items=[ItemInput("new", "Blue mug", price=Decimal(5))])
    start = datetime(2026, 2, 1, tzinfo=UTC)
    lovers = [EventInput(f"m{c}-{n}", "purchase", start + timedelta(days=n), f"m{c}", f"i{(2 * n + 2 * c + 1) % ITEMS}")
              for c in range(20) for n in range(6)]  # fmt: skip
    ingest_events(events=lovers, source="test")
    run_training(training_run_id=start_training(architecture="content", config={"time_budget": 20}).pk)
    ModelVersion.objects.filter(stage="champion").update(stage="retired")
    ModelVersion.objects.filter(architecture="content").update(stage="champion")
    score_customers()
    new = Item.objects.get(external_id="new")
    rows = Recommendation.objects.filter(customer__external_id__startswith="m")
    assert all(new.pk in row.item_ids for row in rows)
    assert rows.count() == 20


def test_a_damaged_champion_is_named_and_what_was_recommended_stays(trained):
    score_customers()
    before = list(Recommendation.objects.order_by("pk").values())
    version = champion()
    with version.artefact.storage.open(version.artefact.name, "wb") as file:
        file.write(b"not an artefact")
    with pytest.raises(JobError, match="damaged artefact"):
        score_customers()
    assert list(Recommendation.objects.order_by("pk").values()) == before
    assert champion() == version
