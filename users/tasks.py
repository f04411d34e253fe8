"""Background jobs of the customers' app."""

from celery import shared_task
from django.utils import timezone

from users import profiles
from users.idempotency import forget_answers
from users.ingestion.partitions import make_partitions_ahead
from users.privacy import retention


@shared_task
def make_event_partitions() -> None:
    make_partitions_ahead(now=timezone.now())


@shared_task
def forget_old_answers() -> None:
    forget_answers()


@shared_task
def apply_retention() -> None:
    retention.apply_retention()


@shared_task
def refresh_due_profiles() -> None:
    profiles.refresh_due_profiles()


@shared_task
def refresh_standing() -> None:
    profiles.refresh_standing()


@shared_task
def refresh_all_profiles() -> None:
    profiles.refresh_profiles()
