"""Messages that a worker left behind. Nobody knows whether they went out, so they are listed, not sent again."""

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from notifications.channels import channels
from notifications.choices import MessageState
from notifications.models import Message


def reap_leases() -> int:
    """Turn every message whose lease has run out into `unknown`; returns how many were left behind.

    On a channel whose provider refuses second copies it is planned again instead.
    """
    abandoned: QuerySet[Message] = Message.objects.filter(state=MessageState.SENDING, lease_until__lt=timezone.now())
    repeatable = [name for name, channel in channels().items() if channel.capabilities.idempotency_key]
    planned = abandoned.filter(channel__in=repeatable).update(state=MessageState.PLANNED, lease_until=None)
    return planned + abandoned.update(
        state=MessageState.UNKNOWN,
        lease_until=None,
        error_kind="abandoned",
        error=_("The worker stopped while it sent this message. It may or may not have arrived."),
    )
