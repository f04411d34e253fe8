"""Background jobs of the recommender. Training runs on the queue `gpu`."""

from celery import shared_task

from recommendations.scoring import score_customers
from recommendations.training import run_training


@shared_task
def train_model(training_run_id: int, then_score: bool = False) -> None:
    run_training(training_run_id=training_run_id)
    if then_score:
        score_all_customers.delay()


@shared_task
def score_all_customers() -> None:
    score_customers()
