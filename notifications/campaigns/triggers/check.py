"""What is wrong with a trigger, field by field. The admin and the API say the same."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime

from django.utils.translation import gettext as _

from catalog.models import Item
from notifications.campaigns.recurrence import RecurrenceError, check_recurrence, known_zones
from notifications.campaigns.schedule import recurrence_of
from notifications.choices import TriggerKind
from notifications.models import Trigger
from users.choices import EventType

MOST_STEPS = 20

Problem = tuple[str, str]


def trigger_problems(trigger: Trigger, *, now: datetime) -> dict[str, list[str]]:
    """Sentences under the names of the fields at fault; empty when the trigger can be used."""
    problems: dict[str, list[str]] = defaultdict(list)
    for field, sentence in [*_window_problems(trigger, now), *_kind_problems(trigger, now)]:
        problems[field].append(sentence)
    return dict(problems)


def _window_problems(trigger: Trigger, now: datetime) -> Iterator[Problem]:
    if trigger.kind == TriggerKind.ONCE or trigger.ends_at is None:
        return
    if trigger.ends_at <= now:
        yield "ends_at", _("This is over already. Choose a later end, or leave it empty.")
    elif trigger.starts_at is not None and trigger.ends_at <= trigger.starts_at:
        yield "ends_at", _("It would end before it starts.")


def _kind_problems(trigger: Trigger, now: datetime) -> Iterator[Problem]:
    if trigger.time_zone and trigger.time_zone not in known_zones():
        yield "time_zone", _("There is no time zone of this name. Write one such as Europe/Berlin or Asia/Shanghai.")
    elif trigger.kind == TriggerKind.RECURRING:
        yield from _schedule_problems(trigger, now)
    elif trigger.kind == TriggerKind.PARTNER:
        if not trigger.brand:
            yield "brand", _("Say which brand they have to like.")
        elif not Item.objects.filter(brand=trigger.brand).exists():
            yield "brand", _("No item has this brand. Write it as the catalogue does.")
    elif trigger.kind == TriggerKind.EVENT:
        yield from _event_problems(trigger)
    elif trigger.kind == TriggerKind.FOLLOW_UP:
        yield from _journey_problems(trigger)
    elif trigger.kind in (TriggerKind.COUPON_EXPIRING, TriggerKind.POINTS_EXPIRING) and trigger.days == 0:
        yield "days", _("Leave at least one day to use it.")


def _schedule_problems(trigger: Trigger, now: datetime) -> Iterator[Problem]:
    try:
        check_recurrence(recurrence_of(trigger), now=now)
    except RecurrenceError as error:
        yield "schedule", str(error)


def _event_problems(trigger: Trigger) -> Iterator[Problem]:
    if trigger.event_type is None:
        yield "event_type", _("Say which event.")
    elif trigger.event_name and trigger.event_type != EventType.CUSTOM:
        yield "event_name", _("Only custom events have a name. Leave it empty.")
    elif trigger.event_type == EventType.CUSTOM and not trigger.event_name:
        yield "event_name", _("Say the name of the event, as the shop sends it.")
    if trigger.event_type is not None and trigger.event_type == trigger.exit_event:
        yield "exit_event", _("This is what lets customers enter; it cannot let them leave.")


def _journey_problems(trigger: Trigger) -> Iterator[Problem]:
    if trigger.previous_id is None:
        yield "previous", _("Say which campaign is the step before.")
        return
    seen = {trigger.campaign_id}
    step: int | None = trigger.previous_id
    while step is not None:
        if step in seen:
            yield "previous", _("The journey would go round in a circle. Choose another step before.")
            return
        seen.add(step)
        before = Trigger.objects.filter(campaign=step, kind=TriggerKind.FOLLOW_UP)
        step = before.values_list("previous", flat=True).first()
    if len(seen) > MOST_STEPS:
        yield "previous", _("A journey may have %(most)d steps.") % {"most": MOST_STEPS}
