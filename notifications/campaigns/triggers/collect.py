"""Turns those who are due into a run, after those who need nothing any more have left."""

from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from notifications.campaigns.schedule import finish_triggers
from notifications.campaigns.triggers.subjects import SUBJECTS
from notifications.choices import (
    SCHEDULED_TRIGGERS,
    CampaignStatus,
    CouponStatus,
    EnrolmentReason,
    EnrolmentState,
    RunStatus,
    StepCondition,
    TriggerKind,
)
from notifications.models import Enrolment, Run, Trigger

MOST = 50_000  # customers a run: what is left waits for the next

_DUE = f"""way.campaign_id = %(campaign)s AND way.state = '{EnrolmentState.WAITING}' AND way.due_at <= %(bound)s"""

# A visitor who identified itself meanwhile counts as the customer it joined, unless that one waits too.
_FOLLOW_MERGES = f"""
UPDATE notifications_enrolment way SET customer_id = joined.merged_into_id
FROM users_customer joined
WHERE {_DUE} AND joined.id = way.customer_id AND joined.merged_into_id IS NOT NULL AND NOT EXISTS (
    SELECT FROM notifications_enrolment other JOIN users_customer person ON person.id = other.customer_id
    WHERE other.campaign_id = way.campaign_id AND other.state = '{EnrolmentState.WAITING}' AND other.id <> way.id
        AND coalesce(person.merged_into_id, person.id) = joined.merged_into_id
)"""

_CLICKED = """EXISTS (
    SELECT FROM notifications_message message
    WHERE message.recipient_id = (way.details->>'step')::bigint AND message.first_clicked_at IS NOT NULL
)"""

_ACTED = """EXISTS (
    SELECT FROM users_event event
    WHERE event.customer_id = way.customer_id AND event.occurred_at > way.occurred_at AND event.type = %(exit_event)s
)"""

_COUPON_GONE = f"""NOT EXISTS (
    SELECT FROM notifications_coupon coupon
    WHERE coupon.id = (way.details->>'coupon')::bigint AND coupon.status = '{CouponStatus.ISSUED}'
        AND coupon.uses < coupon.max_uses AND coupon.valid_until > %(now)s
)"""


@transaction.atomic
def collect(*, trigger_id: int, now: datetime | None = None) -> Run | None:
    """Make a run of those who are due; None where there is nobody, or the run before is not planned yet."""
    moment = now or timezone.now()
    trigger = (
        Trigger.objects.select_for_update(of=("self",), skip_locked=True)
        .select_related("campaign", "previous")
        .filter(pk=trigger_id, campaign__status=CampaignStatus.RUNNING)
        .first()
    )
    if trigger is None or _is_planning(trigger):
        return None
    bound = _bound(trigger, moment)
    if bound is None:
        if _is_over(trigger, moment):
            finish_triggers(trigger_ids=[trigger.pk])
        return None
    parameters = {"campaign": trigger.campaign_id, "bound": bound, "now": moment, "exit_event": trigger.exit_event}
    _let_leave(trigger, parameters)
    due = Enrolment.objects.filter(campaign=trigger.campaign_id, state=EnrolmentState.WAITING, due_at__lte=bound)
    if not due.exists():
        return None
    run = Run.objects.create(campaign=trigger.campaign, scheduled_at=moment)
    due.update(state=EnrolmentState.SENT, run=run)
    return run


def end_enrolments() -> int:
    """Drop those who wait in campaigns that have ended; returns how many."""
    return Enrolment.objects.filter(
        state=EnrolmentState.WAITING, campaign__status__in=[CampaignStatus.STOPPED, CampaignStatus.COMPLETED]
    ).update(state=EnrolmentState.DROPPED, reason=EnrolmentReason.ENDED)


def triggers_to_collect(*, now: datetime) -> list[int]:
    """Triggers with somebody who is due, and those whose end has come."""
    due = Enrolment.objects.filter(state=EnrolmentState.WAITING, due_at__lte=now)
    open_triggers = Trigger.objects.filter(finished_at=None, campaign__status=CampaignStatus.RUNNING).exclude(
        kind__in=SCHEDULED_TRIGGERS
    )
    ending = open_triggers.filter(ends_at__lte=now) | open_triggers.filter(kind=TriggerKind.FOLLOW_UP)
    with_due = open_triggers.filter(campaign__in=due.values("campaign"))
    return list((with_due | ending).distinct().values_list("pk", flat=True))


def _is_planning(trigger: Trigger) -> bool:
    return Run.objects.filter(campaign=trigger.campaign_id, status__in=[RunStatus.PENDING, RunStatus.PLANNING]).exists()


def _bound(trigger: Trigger, now: datetime) -> datetime | None:
    """The time until which those who are due go into this run."""
    due = Enrolment.objects.filter(
        campaign=trigger.campaign_id, state=EnrolmentState.WAITING, due_at__lte=now
    ).order_by("due_at")
    moments = due.values_list("due_at", flat=True)
    return next(iter(moments[MOST - 1 : MOST]), None) or moments.last()


def _let_leave(trigger: Trigger, parameters: dict[str, Any]) -> None:
    """End the enrolments that came too late, whose customer acted, or that have nothing left to be about."""
    with connection.cursor() as cursor:
        cursor.execute(_FOLLOW_MERGES, parameters)
        late = {**parameters, "oldest": parameters["now"] - timedelta(hours=trigger.useful_hours)}
        _end(cursor, EnrolmentState.DROPPED, EnrolmentReason.TOO_LATE, "way.due_at < %(oldest)s", late)
        if trigger.exit_event is not None:
            _end(cursor, EnrolmentState.EXITED, EnrolmentReason.ACTED, _ACTED, parameters)
        if trigger.kind == TriggerKind.COUPON_EXPIRING:
            _end(cursor, EnrolmentState.EXITED, EnrolmentReason.NOTHING_LEFT, _COUPON_GONE, parameters)
        if trigger.kind == TriggerKind.FOLLOW_UP and trigger.condition != StepCondition.ANY:
            unmet = f"NOT {_CLICKED}" if trigger.condition == StepCondition.CLICKED else _CLICKED
            _end(cursor, EnrolmentState.EXITED, EnrolmentReason.CONDITION, unmet, parameters)
        if subject := SUBJECTS.get(trigger.kind):
            cursor.execute(
                f"UPDATE notifications_enrolment way SET items = coalesce(({subject}), '[]') WHERE {_DUE}", parameters
            )
            _end(cursor, EnrolmentState.EXITED, EnrolmentReason.NOTHING_LEFT, "way.items = '[]'", parameters)


def _end(cursor: Any, state: str, reason: str, condition: str, parameters: dict[str, Any]) -> None:
    cursor.execute(
        f"UPDATE notifications_enrolment way SET state = '{state}', reason = '{reason}' WHERE {_DUE} AND {condition}",
        parameters,
    )


def _is_over(trigger: Trigger, now: datetime) -> bool:
    """Whether nobody waits and nobody can enter any more."""
    if Enrolment.objects.filter(campaign=trigger.campaign_id, state=EnrolmentState.WAITING).exists():
        return False
    if trigger.looked_until is None:
        return False
    if trigger.ends_at is not None and trigger.looked_until >= trigger.ends_at:
        return True
    previous = trigger.previous
    return (
        trigger.kind == TriggerKind.FOLLOW_UP
        and previous is not None
        and previous.status in (CampaignStatus.COMPLETED, CampaignStatus.STOPPED)
        and trigger.looked_until > previous.updated_at
    )
