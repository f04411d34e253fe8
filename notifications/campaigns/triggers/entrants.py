"""The part of a segment that one run concerns, when each of them is due, and what became of those who entered."""

import json
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection

from notifications.campaigns.recurrence import EARLIEST_ZONE, known_zones, to_moment
from notifications.choices import (
    SCHEDULED_TRIGGERS,
    Clock,
    EnrolmentReason,
    EnrolmentState,
    Misfire,
    RecipientStatus,
    TriggerKind,
)
from notifications.models import Run, Trigger

# When a customer's message is due: at the campaign's time, or when it is that time by the customer's own clock.
DUE_AT = """CASE WHEN %(local_times)s = '{}' THEN %(at)s::timestamptz ELSE (%(local_times)s::jsonb ->>
    CASE WHEN jsonb_exists(%(local_times)s::jsonb, c.time_zone) THEN c.time_zone ELSE '' END)::timestamptz END"""

_ENTERED = "WHERE matched.customer_id IN (SELECT customer_id FROM notifications_enrolment WHERE run_id = %s)"
_IN_TIME = """WHERE matched.customer_id NOT IN (
    SELECT late.id FROM users_customer late
    WHERE CASE WHEN late.time_zone = ANY(%s) THEN late.time_zone ELSE %s END = ANY(%s)
)"""

_SETTLE = f"""
UPDATE notifications_enrolment way SET state = '{EnrolmentState.DROPPED}',
    reason = CASE WHEN found.recipient_id IS NULL THEN '{EnrolmentReason.NOT_IN_SEGMENT}'
        ELSE '{EnrolmentReason.SUPPRESSED}' END
FROM (
    SELECT entered.id, recipient.id AS recipient_id, recipient.status
    FROM notifications_enrolment entered LEFT JOIN notifications_recipient recipient
        ON recipient.run_id = entered.run_id AND recipient.customer_id = entered.customer_id
    WHERE entered.run_id = %s AND entered.state = '{EnrolmentState.SENT}'
) AS found
WHERE way.id = found.id AND (found.recipient_id IS NULL OR found.status = '{RecipientStatus.SUPPRESSED}')"""


def only_concerned(run: Run) -> tuple[str, list[Any]]:
    """A WHERE over `matched (customer_id)` with its positional parameters: whom of the segment the run concerns."""
    trigger = _trigger(run)
    if trigger is None or trigger.kind == TriggerKind.ONCE:
        return "", []
    if trigger.kind not in SCHEDULED_TRIGGERS:
        return _ENTERED, [run.pk]
    late = _late_zones(run, trigger)
    return (_IN_TIME, [list(known_zones()), trigger.zone.key, late]) if late else ("", [])


def local_times(run: Run) -> str:
    """A run's moments by time zone as JSON, under no name for customers without one; empty: the same for all."""
    trigger = _trigger(run)
    if trigger is None or not _is_local(trigger):
        return "{}"
    moments = {name: moment.isoformat() for name, moment in _local_moments(run).items()}
    return json.dumps(moments | {"": moments[trigger.zone.key]})


def settle_entrants(*, run_id: int) -> None:
    """Drop, with the reason, those of whom the run decided that they get nothing and are no comparison either."""
    with connection.cursor() as cursor:
        cursor.execute(_SETTLE, [run_id])


def _trigger(run: Run) -> Trigger | None:
    return Trigger.objects.filter(campaign=run.campaign_id).first()


def _is_local(trigger: Trigger) -> bool:
    return trigger.kind == TriggerKind.RECURRING and trigger.clock == Clock.CUSTOMER


def _local_moments(run: Run) -> dict[str, datetime]:
    """When it is the run's local time in every zone. The run itself begins where that time comes first on earth."""
    wall = run.scheduled_at.astimezone(EARLIEST_ZONE).replace(tzinfo=None)
    return {name: to_moment(wall, ZoneInfo(name)) for name in known_zones()}


def _late_zones(run: Run, trigger: Trigger) -> list[str]:
    """Zones whose time was missed when the run began, where the campaign drops what is late."""
    if not _is_local(trigger) or trigger.misfire != Misfire.DROP or run.started_at is None:
        return []
    oldest = run.started_at - timedelta(minutes=trigger.grace)
    return [name for name, moment in _local_moments(run).items() if moment < oldest]
