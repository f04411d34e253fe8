"""A trigger in plain words, in the active language."""

import re
from datetime import datetime
from typing import Any

from django.utils.dates import WEEKDAYS
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from notifications.campaigns.schedule import recurrence_of
from notifications.campaigns.triggers.defaults import trigger_days, trigger_percent
from notifications.choices import Clock, StepCondition, TriggerKind, WaitUnit
from notifications.models import Trigger

_DAILY = re.compile(r"(\d+) (\d+) (\*|\d+) \* (\*|[0-7](?:,[0-7])*)")


def explain_trigger(trigger: Trigger) -> str:
    """What will happen, as a few sentences."""
    if trigger.kind == TriggerKind.ONCE:
        return _("Everyone in the segment, once.")
    if trigger.kind == TriggerKind.RECURRING:
        whose = _("each customer's local time") if trigger.clock == Clock.CUSTOMER else trigger.zone.key
        return _("Everyone in the segment, %(times)s (%(zone)s).") % {
            "times": schedule_words(trigger.schedule),
            "zone": whose,
        }
    return " ".join(part for part in (_entry(trigger), _exit(trigger), _again(trigger), _late(trigger)) if part)


def schedule_words(text: str) -> str:
    """The plain shapes of a cron expression in words; anything else as it is written."""
    match = _DAILY.fullmatch(" ".join(text.split()))
    if match is None or (match[3] != "*" and match[4] != "*"):
        return _("by the schedule “%(schedule)s”") % {"schedule": text}
    at = f"{int(match[2]):02}:{int(match[1]):02}"
    if match[3] != "*":
        return _("on day %(day)s of every month at %(at)s") % {"day": match[3], "at": at}
    if match[4] == "*":
        return _("every day at %(at)s") % {"at": at}
    days = ", ".join(str(WEEKDAYS[(int(day) - 1) % 7]) for day in match[4].split(","))
    return _("every %(days)s at %(at)s") % {"days": days, "at": at}


def next_times(trigger: Trigger, *, after: datetime, count: int = 5) -> list[str]:
    """The next times of a recurring trigger in words, each in the zone that it means."""
    recurrence = recurrence_of(trigger)
    local = (moment.astimezone(recurrence.clock_zone) for moment in recurrence.next(after, count))
    return [f"{date_format(moment, 'l')}, {date_format(moment, 'DATETIME_FORMAT')}" for moment in local]


def _entry(trigger: Trigger) -> str:
    who = _who(trigger)
    if trigger.wait == 0:
        return _("%(who)s: gets the message at once.") % {"who": who}
    return _("%(who)s: gets the message after %(wait)s.") % {"who": who, "wait": _wait(trigger)}


def _who(trigger: Trigger) -> str:
    values: dict[str, Any] = {
        "days": trigger_days(trigger),
        "percent": trigger_percent(trigger),
        "brand": trigger.brand,
        "campaign": trigger.previous,
        "tier": trigger.tier,
        "event": trigger.event_name or trigger.get_event_type_display() or "…",
        "at": f"{trigger.at:%H:%M}",
    }
    return _phrase(trigger) % values


def _phrase(trigger: Trigger) -> str:
    if trigger.kind == TriggerKind.BIRTHDAY and trigger_days(trigger):
        return _("Whose birthday is in %(days)s days, at %(at)s local time")
    if trigger.kind == TriggerKind.WIN_BACK and trigger.percent is not None:
        return _("Whose last order was %(days)s days ago, or who is expected to leave with at least %(percent)s%%")
    if trigger.kind == TriggerKind.FOLLOW_UP:
        return {
            StepCondition.ANY: _("Who got “%(campaign)s”"),
            StepCondition.CLICKED: _("Who got “%(campaign)s” and clicked in it"),
            StepCondition.NOT_CLICKED: _("Who got “%(campaign)s” and did not click in it"),
        }[StepCondition(trigger.condition)]
    return {
        TriggerKind.CART_ABANDONED: _("Who puts something into the cart and leaves it there"),
        TriggerKind.BROWSE_ABANDONED: _("Who looks at items and puts none into the cart"),
        TriggerKind.AFTER_PURCHASE: _("Who places an order"),
        TriggerKind.PRICE_DROP: _(
            "Who was interested within %(days)s days in an item whose price drops by at least %(percent)s%%"
        ),
        TriggerKind.BACK_IN_STOCK: _("Who was interested within %(days)s days in an item that can be bought again"),
        TriggerKind.NEW_ITEM: _("Who is likely to want an item that is new since %(days)s days at most"),
        TriggerKind.WIN_BACK: _("Whose last order was %(days)s days ago"),
        TriggerKind.BIRTHDAY: _("Who has a birthday, at %(at)s local time"),
        TriggerKind.TIER_CHANGE: _("Who moves to the tier %(tier)s") if trigger.tier_id else _("Whose tier changes"),
        TriggerKind.POINTS_EXPIRING: _("Whose points begin to expire in %(days)s days"),
        TriggerKind.COUPON_EXPIRING: _("Who holds an unused coupon that expires in %(days)s days"),
        TriggerKind.PARTNER: _("Who gives at least %(percent)s%% of their interest to the brand %(brand)s"),
        TriggerKind.EVENT: _("Who does this: %(event)s"),
    }[TriggerKind(trigger.kind)]


def _wait(trigger: Trigger) -> str:
    number = trigger.wait
    unit = {
        WaitUnit.MINUTES: ngettext("%(n)d minute", "%(n)d minutes", number),
        WaitUnit.HOURS: ngettext("%(n)d hour", "%(n)d hours", number),
        WaitUnit.DAYS: ngettext("%(n)d day", "%(n)d days", number),
    }[WaitUnit(trigger.wait_unit)]
    return unit % {"n": number}


def _exit(trigger: Trigger) -> str:
    if trigger.exit_event is None:
        return ""
    return _("Nothing is sent to who does this meanwhile: %(event)s.") % {"event": trigger.get_exit_event_display()}


def _again(trigger: Trigger) -> str:
    if trigger.reentry_days is None:
        return _("Everyone gets it once ever.")
    if trigger.reentry_days == 0:
        return _("It is sent anew every time.")
    return ngettext(
        "Nobody gets it twice within %(n)d day.", "Nobody gets it twice within %(n)d days.", trigger.reentry_days
    ) % {"n": trigger.reentry_days}


def _late(trigger: Trigger) -> str:
    return ngettext(
        "What is late by more than %(n)d hour is dropped.",
        "What is late by more than %(n)d hours is dropped.",
        trigger.useful_hours,
    ) % {"n": trigger.useful_hours}
