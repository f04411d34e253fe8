"""When runs start and end. Every step is a conditional UPDATE, so several schedulers are harmless.

A recurring campaign always has its next run waiting. What several schedulers add is one row, because a campaign has one
run per time. A run whose time was missed by more than the grace runs late or is dropped, as its campaign says; of
several missed times only one is made up for.
"""

from datetime import datetime, timedelta
from itertools import islice

from django.db import transaction
from django.db.models import Exists, Max, OuterRef
from django.utils import timezone
from django.utils.translation import gettext as _

from notifications.campaigns.recurrence import EARLIEST_ZONE, LATEST_ZONE, Recurrence
from notifications.campaigns.triggers.save import join_journey
from notifications.choices import (
    CAMPAIGN_MOVES,
    OPEN_RUN_STATUSES,
    CampaignStatus,
    Clock,
    MessageState,
    Misfire,
    RunStatus,
    TriggerKind,
    statuses_before,
)
from notifications.models import Campaign, Message, Run, Trigger
from users.models import User

OPEN_MESSAGE_STATES = (MessageState.PLANNED, MessageState.SENDING)
LIVE = (CampaignStatus.SCHEDULED, CampaignStatus.RUNNING)


def first_run(*, campaign: Campaign, at: datetime, user: User | None = None) -> Run | None:
    """The run with which a launched campaign begins; None where it waits for customers to enter."""
    trigger = Trigger.objects.filter(campaign=campaign).exclude(kind=TriggerKind.ONCE).first()
    if trigger is None:
        return Run.objects.create(campaign=campaign, scheduled_at=at, launched_by=user)
    if trigger.kind != TriggerKind.RECURRING:
        join_journey(trigger=trigger)
        return None
    return _add_next_run(trigger, after=at - timedelta(microseconds=1), user=user)


def recurrence_of(trigger: Trigger) -> Recurrence:
    """The schedule of a recurring trigger."""
    return Recurrence(
        trigger.schedule,
        trigger.zone,
        trigger.starts_at,
        trigger.ends_at,
        is_local=trigger.clock == Clock.CUSTOMER,
    )


def start_due_runs(*, now: datetime | None = None) -> int:
    """Move every run whose time has come to planning, and its campaign to running; returns how many.

    Those that came too late are dropped where their campaign says so; then the next runs of what recurs are added.
    """
    moment = now or timezone.now()
    due = Run.objects.filter(
        status=RunStatus.PENDING, scheduled_at__lte=moment, campaign__status__in=LIVE
    ).select_related("campaign__trigger")
    started = 0
    for run in due:
        with transaction.atomic():
            Campaign.objects.filter(pk=run.campaign_id, status=CampaignStatus.SCHEDULED).update(
                status=CampaignStatus.RUNNING, updated_at=moment
            )
            if _is_missed(run, moment):
                _drop_run(run, moment)
            else:
                started += Run.objects.filter(pk=run.pk, status=RunStatus.PENDING).update(
                    status=RunStatus.PLANNING, started_at=moment
                )
    add_next_runs(now=moment)
    return started


def add_next_runs(*, now: datetime) -> int:
    """Give every recurring campaign without a waiting run its next one; returns how many were added."""
    waiting = Run.objects.filter(campaign=OuterRef("campaign"), status=RunStatus.PENDING)
    triggers = Trigger.objects.filter(
        ~Exists(waiting), kind=TriggerKind.RECURRING, finished_at=None, campaign__status__in=LIVE
    ).annotate(last=Max("campaign__runs__scheduled_at"))
    added = 0
    for trigger in triggers:
        missed_from = now - _grace(trigger) if trigger.misfire == Misfire.DROP else now
        added += _add_next_run(trigger, after=max(missed_from, trigger.last or missed_from)) is not None
    return added


def _add_next_run(trigger: Trigger, *, after: datetime, user: User | None = None) -> Run | None:
    """The next run, unless it was added meanwhile; without one the trigger is finished."""
    moment = next(islice(recurrence_of(trigger).after(after), 1), None)
    if moment is None:
        finish_triggers(trigger_ids=[trigger.pk])
        return None
    run, added = Run.objects.get_or_create(
        campaign_id=trigger.campaign_id, scheduled_at=moment, defaults={"launched_by": user}
    )
    return run if added else None


def _grace(trigger: Trigger) -> timedelta:
    """How late a run may start. In customers' local time it begins at the first zone, and is late after the last."""
    whole_earth = EARLIEST_ZONE.utcoffset(None) - LATEST_ZONE.utcoffset(None)
    return timedelta(minutes=trigger.grace) + (whole_earth if trigger.clock == Clock.CUSTOMER else timedelta(0))


def _is_missed(run: Run, now: datetime) -> bool:
    trigger: Trigger | None = getattr(run.campaign, "trigger", None)
    return (
        trigger is not None
        and trigger.is_scheduled
        and trigger.misfire == Misfire.DROP
        and now - run.scheduled_at > _grace(trigger)
    )


def _drop_run(run: Run, now: datetime) -> None:
    dropped = Run.objects.filter(pk=run.pk, status=RunStatus.PENDING).update(
        status=RunStatus.STOPPED,
        finished_at=now,
        error=_("Dropped: nothing was running at its time, and its campaign drops what is late."),
    )
    if dropped:
        complete_campaigns(campaign_ids=[run.campaign_id])


def finish_triggers(*, trigger_ids: list[int]) -> None:
    """Note that nothing more will come, and complete the campaigns whose runs have ended too."""
    Trigger.objects.filter(pk__in=trigger_ids, finished_at=None).update(finished_at=timezone.now())
    complete_campaigns(campaign_ids=list(Campaign.objects.filter(trigger__in=trigger_ids).values_list("pk", flat=True)))


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
    """Complete those of the campaigns that run, have no open run left, and await nobody any more."""
    open_runs = Run.objects.filter(campaign=OuterRef("pk"), status__in=OPEN_RUN_STATUSES)
    awaiting = Trigger.objects.filter(campaign=OuterRef("pk"), finished_at=None).exclude(kind=TriggerKind.ONCE)
    Campaign.objects.filter(
        ~Exists(open_runs),
        ~Exists(awaiting),
        pk__in=campaign_ids,
        status__in=statuses_before(CAMPAIGN_MOVES, CampaignStatus.COMPLETED),
    ).update(status=CampaignStatus.COMPLETED, updated_at=timezone.now())
