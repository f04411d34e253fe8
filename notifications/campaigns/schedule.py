"""When runs start and end. Every step is a conditional UPDATE, so several schedulers are harmless."""

from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from notifications.choices import (
    CAMPAIGN_MOVES,
    OPEN_RUN_STATUSES,
    CampaignStatus,
    MessageState,
    RunStatus,
    statuses_before,
)
from notifications.models import Campaign, Message, Run

OPEN_MESSAGE_STATES = (MessageState.PLANNED, MessageState.SENDING)


def start_due_runs(*, now: datetime | None = None) -> int:
    """Move every run whose time has come to planning, and its campaign to running; returns how many."""
    moment = now or timezone.now()
    due = Run.objects.filter(
        status=RunStatus.PENDING,
        scheduled_at__lte=moment,
        campaign__status__in=[CampaignStatus.SCHEDULED, CampaignStatus.RUNNING],
    )
    started = 0
    for run_id, campaign_id in due.values_list("pk", "campaign_id"):
        with transaction.atomic():
            Campaign.objects.filter(pk=campaign_id, status=CampaignStatus.SCHEDULED).update(
                status=CampaignStatus.RUNNING, updated_at=moment
            )
            started += Run.objects.filter(pk=run_id, status=RunStatus.PENDING).update(
                status=RunStatus.PLANNING, started_at=moment
            )
    return started


def runs_to_plan() -> list[int]:
    """Runs that still have customers to decide, also those whose planner died."""
    return list(
        Run.objects.filter(status=RunStatus.PLANNING, campaign__status=CampaignStatus.RUNNING)
        .order_by("scheduled_at")
        .values_list("pk", flat=True)
    )


def complete_runs() -> int:
    """Complete the runs without an open message, and the campaigns whose last run that was; returns how many runs."""
    open_messages = Message.objects.filter(run=OuterRef("pk"), state__in=OPEN_MESSAGE_STATES)
    finished = Run.objects.filter(~Exists(open_messages), status=RunStatus.SENDING)
    campaigns = list(finished.values_list("campaign_id", flat=True))
    if not campaigns:
        return 0
    with transaction.atomic():
        completed = finished.update(status=RunStatus.COMPLETED, finished_at=timezone.now())
        complete_campaigns(campaign_ids=campaigns)
    return completed


def complete_campaigns(*, campaign_ids: list[int]) -> None:
    """Complete those of the campaigns that run and have no open run left."""
    open_runs = Run.objects.filter(campaign=OuterRef("pk"), status__in=OPEN_RUN_STATUSES)
    Campaign.objects.filter(
        ~Exists(open_runs),
        pk__in=campaign_ids,
        status__in=statuses_before(CAMPAIGN_MOVES, CampaignStatus.COMPLETED),
    ).update(status=CampaignStatus.COMPLETED, updated_at=timezone.now())
