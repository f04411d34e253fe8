"""One turn of everything that waits for customers: open, look, collect, end."""

from datetime import datetime

from django.utils import timezone

from notifications.campaigns.triggers.collect import collect, end_enrolments, triggers_to_collect
from notifications.campaigns.triggers.detect import due_triggers, look, open_campaigns


def turn_triggers(*, now: datetime | None = None) -> None:
    """Do what is due. Two turns at once are harmless: each trigger is taken by one of them."""
    moment = now or timezone.now()
    open_campaigns(now=moment)
    for trigger_id in due_triggers(now=moment):
        look(trigger_id=trigger_id, now=moment)
    for trigger_id in triggers_to_collect(now=moment):
        collect(trigger_id=trigger_id, now=moment)
    end_enrolments()
