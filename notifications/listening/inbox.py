"""What a customer does with the messages in their inbox: reading counts once, dismissing takes it off the list."""

from django.db.models import QuerySet
from django.utils import timezone

from notifications.models import InboxMessage


def inbox_messages(*, customer_id: int) -> QuerySet[InboxMessage]:
    """What is still good and was not dismissed, newest first."""
    messages = InboxMessage.objects.filter(customer=customer_id, dismissed_at=None, expires_at__gt=timezone.now())
    return messages.order_by("-pk")


def read_message(*, message: InboxMessage) -> bool:
    """Note that it was read; whether this was the first time."""
    return bool(InboxMessage.objects.filter(pk=message.pk, read_at=None).update(read_at=timezone.now()))


def dismiss_message(*, message: InboxMessage) -> bool:
    """Take it off the list; whether it was still there."""
    return bool(InboxMessage.objects.filter(pk=message.pk, dismissed_at=None).update(dismissed_at=timezone.now()))
