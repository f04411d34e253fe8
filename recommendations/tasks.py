"""Background jobs of the recommender. Training runs on the queue `gpu`."""

from celery import shared_task

from recommendations.registry import champion
from recommendations.scoring import score_customers, score_shard, shards_with_news
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
    score_customers()


@shared_task
def score_everybody_again() -> None:
    if champion() is not None:
        score_customers()


@shared_task
def score_changed_customers() -> None:
    for first, last in shards_with_news():
        score_customers_of_shard.delay(first, last)


@shared_task
def score_customers_of_shard(first: int, last: int) -> None:
    score_shard(first=first, last=last)
