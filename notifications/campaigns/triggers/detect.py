"""Notices who enters: one statement per trigger over the time since its last look, which is claimed in the database.

A look takes its trigger's row, adds the enrolments and moves the watermark in one transaction, so several schedulers
notice everything once. It reaches back behind the watermark for what arrived late; what was noticed then is known by
its time.
"""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from notifications.campaigns.recurrence import known_zones, to_moment
from notifications.campaigns.triggers.candidates import CANDIDATES
from notifications.campaigns.triggers.defaults import trigger_days, trigger_percent
from notifications.choices import SCHEDULED_TRIGGERS, CampaignStatus, EnrolmentState, TriggerKind
from notifications.models import Campaign, Trigger

LATE_ARRIVALS = timedelta(hours=1)
LOOK_EVERY = timedelta(minutes=1)
# These read a whole table of customers, or change by the day only.
LOOK_HOURLY = (TriggerKind.NEW_ITEM, TriggerKind.WIN_BACK, TriggerKind.BIRTHDAY, TriggerKind.PARTNER)

# What goes on starts the wait again; anything else that happens while somebody waits adds nothing.
_RESTARTS = (TriggerKind.CART_ABANDONED, TriggerKind.BROWSE_ABANDONED)
_BEGINNING = datetime(1970, 1, 1, tzinfo=ZoneInfo("UTC"))

_ENROL = f"""
INSERT INTO notifications_enrolment (campaign_id, customer_id, state, reason, items, details, occurred_at, entered_at,
    due_at)
SELECT %(campaign)s, candidate.customer_id, '{EnrolmentState.WAITING}', '', candidate.items, candidate.details,
    candidate.occurred_at, %(entered_at)s, candidate.occurred_at + %(delay)s
FROM ({{candidates}}) AS candidate
JOIN users_customer c ON c.id = candidate.customer_id AND c.erased_at IS NULL AND c.merged_into_id IS NULL
WHERE NOT EXISTS (
    SELECT FROM notifications_enrolment known
    WHERE known.campaign_id = %(campaign)s AND known.customer_id = candidate.customer_id
        AND known.state <> '{EnrolmentState.WAITING}' AND (
            known.occurred_at >= candidate.occurred_at
            OR known.state <> '{EnrolmentState.EXITED}'
                AND known.occurred_at > candidate.occurred_at - %(pause)s
        )
)
ON CONFLICT (campaign_id, customer_id) WHERE state = '{EnrolmentState.WAITING}' DO {{conflict}}"""

_RESTART = """UPDATE SET occurred_at = excluded.occurred_at, due_at = excluded.due_at
    WHERE excluded.occurred_at > notifications_enrolment.occurred_at"""


def due_triggers(*, now: datetime) -> list[int]:
    """Triggers that wait for customers, and were not looked at lately."""
    hourly = Q(kind__in=LOOK_HOURLY)
    return list(
        Trigger.objects.filter(
            Q(looked_until=None)
            | Q(hourly, looked_until__lte=now - timedelta(hours=1))
            | Q(~hourly, looked_until__lte=now - LOOK_EVERY),
            finished_at=None,
            campaign__status=CampaignStatus.RUNNING,
        )
        .exclude(kind__in=SCHEDULED_TRIGGERS)
        .order_by(F("looked_until").asc(nulls_first=True))
        .values_list("pk", flat=True)
    )


def open_campaigns(*, now: datetime) -> int:
    """Set running what was launched and waits for customers, once its start has come; returns how many."""
    waiting = (
        Trigger.objects.filter(Q(starts_at=None) | Q(starts_at__lte=now), campaign__status=CampaignStatus.SCHEDULED)
        .exclude(kind__in=SCHEDULED_TRIGGERS)
        .values_list("pk", "campaign_id")
    )
    opened = 0
    for trigger_id, campaign_id in waiting:
        with transaction.atomic():
            moved = Campaign.objects.filter(pk=campaign_id, status=CampaignStatus.SCHEDULED).update(
                status=CampaignStatus.RUNNING, updated_at=now
            )
            if moved:  # what happened before does not let anybody enter; an affinity is not something that happened
                Trigger.objects.filter(pk=trigger_id).exclude(kind=TriggerKind.PARTNER).update(looked_until=now)
            opened += moved
    return opened


@transaction.atomic
def look(*, trigger_id: int, now: datetime | None = None) -> int:
    """Enrol whom a trigger concerns since its last look; returns how many. 0 while another look is under way."""
    moment = now or timezone.now()
    trigger = (
        Trigger.objects.select_for_update(of=("self",), skip_locked=True)
        .select_related("campaign")
        .filter(pk=trigger_id, campaign__status=CampaignStatus.RUNNING)
        .first()
    )
    if trigger is None:
        return 0
    until = min(moment, trigger.ends_at) if trigger.ends_at else moment
    with connection.cursor() as cursor:
        cursor.execute(
            _ENROL.format(
                candidates=CANDIDATES[trigger.kind], conflict=_RESTART if trigger.kind in _RESTARTS else "NOTHING"
            ),
            look_parameters(trigger, since=_since(trigger, moment), until=until, now=moment),
        )
        entered = cursor.rowcount
    Trigger.objects.filter(pk=trigger.pk).update(looked_until=moment)
    return entered


def look_parameters(trigger: Trigger, *, since: datetime, until: datetime, now: datetime) -> dict[str, Any]:
    """What the statements of `candidates`, and the one that enrols, bind."""
    pause = timedelta(days=365_000) if trigger.reentry_days is None else timedelta(days=trigger.reentry_days)
    return {
        "campaign": trigger.campaign_id,
        "since": since,
        "until": until,
        "entered_at": now,
        "delay": trigger.delay,
        "pause": pause,
        "days": timedelta(days=trigger_days(trigger)),
        "share": None if (percent := trigger_percent(trigger)) is None else percent / 100,
        "brand": trigger.brand,
        "event_type": trigger.event_type,
        "event_name": trigger.event_name,
        "previous": trigger.previous_id,
        **_reminder_window(trigger, since, until),
        **(_local_days(trigger, since, until) if trigger.kind == TriggerKind.BIRTHDAY else {}),
    }


def _reminder_window(trigger: Trigger, since: datetime, until: datetime) -> dict[str, Any]:
    """What the statements of `membership.reminders` bind: what expires is looked for its `days` ahead."""
    if trigger.kind in (TriggerKind.POINTS_EXPIRING, TriggerKind.COUPON_EXPIRING):
        ahead = timedelta(days=trigger_days(trigger))
        return {"now": since + ahead, "until": until + ahead}
    return {"now": until, "tier": trigger.tier_id} if trigger.kind == TriggerKind.TIER_CHANGE else {}


def _since(trigger: Trigger, now: datetime) -> datetime:
    """Where the look begins: what would be too late to be of use is not looked for, however long nothing ran."""
    if trigger.looked_until is None:
        return _BEGINNING
    oldest = now - trigger.delay - timedelta(hours=trigger.useful_hours) - LATE_ARRIVALS
    return max(trigger.looked_until - LATE_ARRIVALS, oldest)


def _local_days(trigger: Trigger, since: datetime, until: datetime) -> dict[str, Any]:
    """The days that came to the trigger's hour between two moments, in every time zone."""
    found: list[tuple[str, Any, datetime]] = []
    for name in known_zones():
        zone = ZoneInfo(name)
        day = since.astimezone(zone).date()
        while day <= until.astimezone(zone).date():
            moment = to_moment(datetime.combine(day, trigger.at), zone)
            if since < moment <= until:
                found.append((name, day, moment))
            day += timedelta(days=1)
    return {
        "local_zones": [name for name, _, _ in found],
        "local_days": [day for _, day, _ in found],
        "local_moments": [moment for _, _, moment in found],
        "known_zones": list(known_zones()),
        "shop_zone": trigger.zone.key,
    }
