"""Background jobs of the customers' app."""

from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from users import profiles
from users.idempotency import forget_answers
from users.importing.jobs import forget_files, run_job, waiting_jobs
from users.ingestion.cleaning import mark_bots, refresh_norms
from users.ingestion.partitions import make_partitions_ahead
from users.ingestion.quality import forget_samples
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


@shared_task
def refresh_some_profiles(customer_ids: list[int]) -> None:
    profiles.refresh_profiles(customer_ids=customer_ids)


@shared_task
def mark_recent_bots() -> None:
    profiles.refresh_profiles(customer_ids=mark_bots(now=timezone.now()))


@shared_task
def judge_prices() -> None:
    profiles.refresh_profiles(customer_ids=refresh_norms())


@shared_task
def run_import(job_id: int) -> None:
    if run_job(job_id=job_id):
        judge_prices()


@shared_task
def resume_imports() -> None:
    for job_id in waiting_jobs(now=timezone.now()):
        run_import.delay(job_id)


@shared_task
def forget_old_imports() -> None:
    forget_files(before=timezone.now() - timedelta(days=settings.IMPORT_KEEP_DAYS))
    forget_samples()
