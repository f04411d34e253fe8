"""Events that turn out not to have happened: a machine did what was taken for a customer's doing."""

from collections.abc import Sequence
from datetime import datetime

from users.ingestion.validate import message_key
from users.models import Event


def withdraw_events(*, message_ids: Sequence[str], since: datetime) -> int:
    """Delete these events, none of which is older than `since`; returns how many there were.

    Their ids stay known, so that a retry does not bring them back. The profiles are computed again.
    """
    keys = [message_key(each) for each in message_ids]
    return Event.objects.filter(message_id__in=keys, occurred_at__gte=since).delete()[0]
