"""Periodic work is claimed in the database: one worker reads on, the others leave it to that one."""

from django.db import transaction

from notifications.models import Progress


def claim_progress(name: str) -> Progress | None:
    """How far the job has read, locked until the transaction ends; None when somebody else is at it."""
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("A claim lasts as long as its transaction, and there is none.")
    Progress.objects.bulk_create([Progress(name=name)], ignore_conflicts=True)
    return Progress.objects.select_for_update(skip_locked=True).filter(name=name).first()
