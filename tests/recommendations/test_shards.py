"""Scoring in shards: of everybody, and between two full scorings of those who did something."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.utils import timezone

from catalog.services import ItemInput, upsert_items
from recommendations.models import ItemLinks, Recommendation
from recommendations.scoring import (
    prepare_scoring,
    score_customers,
    score_shard,
    shards_of_everybody,
    shards_with_news,
)
from recommendations.tasks import score_changed_customers, score_customers_of_shard, train_again
from recommendations.training import run_training, start_retraining, start_training
from users.choices import EventType
from users.ingestion import CustomerInput, EventInput, ingest_customers, ingest_events
from users.models import Customer, Event

NOW = datetime.now(UTC)
ITEMS, CUSTOMERS = 20, 40


@pytest.fixture
def scored(db):
    upsert_items(items=[ItemInput(f"i{n}", f"Item {n}", price=Decimal(n + 1)) for n in range(ITEMS)])
    ingest_events(
        events=[
            EventInput(f"{c}-{n}", "purchase", NOW - timedelta(days=20 - n), f"c{c}", f"i{(c + n) % ITEMS}")
            for c in range(CUSTOMERS)
            for n in range(6)
        ],
        source="test",
    )
    received(timedelta(hours=1))
    run = start_training(architecture="item_knn", config={"time_budget": 20, "precision": "int8"})
    run_training(training_run_id=run.pk)
    score_customers()
    return run


def received(ago):
    """All events came in so long ago; within one transaction the database's clock stands still."""
    Event.objects.update(received_at=timezone.now() - ago)


def act(*names):
    events = [EventInput(f"new {name}", "add_to_cart", datetime.now(UTC), name, "i19") for name in names]
    ingest_events(events=events, source="test")
    mine = Event.objects.filter(type=EventType.ADD_TO_CART, customer__external_id__in=names)
    Event.objects.filter(pk__in=list(mine.values_list("pk", flat=True))).update(received_at=timezone.now())
    return [Customer.objects.get(external_id=name).pk for name in names]


def lists():
    """Every customer's scores, and items whatever the order of equal ones."""
    rows = Recommendation.objects.order_by("pk").values_list("customer_id", "scores", "item_ids")
    return [(customer, scores, sorted(items)) for customer, scores, items in rows]


def test_nobody_is_scored_before_the_first_full_scoring(db):
    upsert_items(items=[ItemInput("i19", "Item 19")])
    act("c1")
    assert shards_with_news() == []


def test_only_whoever_has_news_is_scored_again(scored):
    assert shards_with_news() == [], "nothing has happened since"
    before = dict(Recommendation.objects.values_list("customer_id", "scored_at"))
    links = dict(ItemLinks.objects.values_list("item_id", "computed_at"))
    changed = act("c3", "c7", "stranger")
    shards = shards_with_news(size=2)
    assert len(shards) == 2
    assert sum(score_shard(first=first, last=last) for first, last in shards) == 3
    after = dict(Recommendation.objects.values_list("customer_id", "scored_at"))
    assert {customer for customer in after if after[customer] != before.get(customer)} == set(changed)
    assert Recommendation.objects.get(customer_id=changed[2]).reason_item_ids[0], "by its own history, no newcomer"
    assert dict(ItemLinks.objects.values_list("item_id", "computed_at")) == links
    received(timedelta(hours=1))
    assert score_shard(first=shards[0][0], last=shards[0][1]) == 0, "a shard that comes again is harmless"


def test_everybody_in_shards_is_everybody_in_one_go(scored):
    ingest_customers(customers=[CustomerInput("newcomer")], source="test")
    score_customers()
    whole = lists()
    old_links = set(ItemLinks.objects.values_list("computed_at", flat=True))
    started = prepare_scoring()
    assert not set(ItemLinks.objects.values_list("computed_at", flat=True)) & old_links
    assert not Recommendation.objects.filter(scored_at__gt=started).exists(), "nobody waits on a poorer list"
    shards = shards_of_everybody(size=15)
    assert len(shards) == 3
    first = shards.pop()
    assert score_shard(first=first[0], last=first[1], started=started) == 11
    assert score_shard(first=first[0], last=first[1], started=started) == 0, "delivered again: nothing is left"
    assert sum(score_shard(first=low, last=high, started=started) for low, high in shards) == 30
    assert lists() == whole
    assert not Recommendation.objects.filter(scored_at__lt=started).exists()


def test_the_task_and_the_command_do_it(scored, capsys):
    act("c5")
    call_command("score", "--changed")
    assert "written for 1 customers" in capsys.readouterr().out
    received(timedelta(hours=1))
    customer = act("c6")[0]
    assert shards_with_news() == [(customer, customer)]
    score_customers_of_shard(customer, customer)
    received(timedelta(hours=1))
    assert shards_with_news() == []
    score_changed_customers()  # nothing to hand out


def test_an_artefact_of_fewer_bits_says_what_that_costs(scored):
    scored.refresh_from_db()
    assert abs(scored.metrics["item_knn"]["ndcg@10 lost"]) < 0.02


def test_training_again_repeats_the_latest_options_once(scored):
    again = start_retraining()
    assert (again.architecture, again.config["time_budget"], again.config["precision"]) == ("item_knn", 20, "int8")
    assert start_retraining() is None, "one is queued already"
    train_again()


def test_nothing_is_trained_again_where_nobody_has_trained(db):
    assert start_retraining() is None
