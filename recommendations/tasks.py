"""Background jobs of the recommender. Training runs on the queue `gpu`."""

from datetime import datetime

from celery import shared_task

from recommendations.registry import champion
from recommendations.scoring import (
    prepare_scoring,
    score_customers,
    score_shard,
    shards_of_everybody,
    shards_with_news,
)
from recommendations.training import run_training, start_retraining


@shared_task
def train_model(training_run_id: int, then_score: bool = False) -> None:
    run_training(training_run_id=training_run_id)
    if then_score:
        score_all_customers.delay()


@shared_task
def train_again() -> None:
    if run := start_retraining():
        train_model.delay(run.pk, then_score=True)


@shared_task
def score_all_customers() -> None:
    """Everybody: in one go where there are few, else in shards that all workers share."""
    shards = shards_of_everybody()
    if len(shards) <= 1:
        score_customers()
        return
    started = prepare_scoring()
    for first, last in shards:
        score_customers_of_shard.delay(first, last, started.isoformat())


@shared_task
def score_everybody_again() -> None:
    if champion() is not None:
        score_all_customers()


@shared_task
def score_changed_customers() -> None:
    for first, last in shards_with_news():
        score_customers_of_shard.delay(first, last)


@shared_task
def score_customers_of_shard(first: int, last: int, started: str | None = None) -> None:
    score_shard(first=first, last=last, started=datetime.fromisoformat(started) if started else None)
