"""Messages that a worker left behind. Nobody knows whether they went out, so they are listed, never sent again."""

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from notifications.choices import MessageState
from notifications.models import Message


def reap_leases() -> int:
    """Turn every message whose lease has run out into `unknown`; returns how many."""
    abandoned: QuerySet[Message] = Message.objects.filter(state=MessageState.SENDING, lease_until__lt=timezone.now())
    return abandoned.update(
        state=MessageState.UNKNOWN,
        lease_until=None,
        error_kind="abandoned",
        error=_("The worker stopped while it sent this message. It may or may not have arrived."),
    )
