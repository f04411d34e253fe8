"""Opens: a picture of one pixel that a mail program fetches. A third of them are machines, so they are kept apart."""

from django.conf import settings
from django.db.models import F
from django.db.models.functions import Coalesce
from django.utils import timezone

from notifications.listening.events import ingest_message_event
from notifications.listening.machines import open_machine
from notifications.listening.tokens import BadTokenError, TokenMaker, read_open
from notifications.models import Message
from users.choices import EventType

# A transparent GIF of one pixel.
PIXEL = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")


def pixel_html(*, message_id: int, tokens: TokenMaker) -> str:
    """The picture as a mail carries it at its end; empty where `TRACK_OPENS` is off."""
    if not settings.TRACK_OPENS:
        return ""
    address = f"{settings.BASE_URL}/t/o/{tokens.open(message_id=message_id)}.gif"
    return f'<img src="{address}" width="1" height="1" alt="" style="display:block;border:0">'


def record_open(*, token: str, user_agent: str) -> None:
    """Note the first open by a person and the first by a machine; the person's becomes an event.

    Raises BadTokenError for a token that is not ours.
    """
    message = Message.objects.select_related("customer", "run").filter(pk=read_open(token)).first()
    if message is None:
        raise BadTokenError("This message is not here any more.")
    if message.customer.erased_at is not None:
        return
    now = timezone.now()
    is_machine = bool(open_machine(user_agent=user_agent, sent_at=message.sent_at, now=now))
    field = "machine_opened_at" if is_machine else "first_opened_at"
    Message.objects.filter(pk=message.pk).update(**{field: Coalesce(F(field), now)})
    if not is_machine:
        ingest_message_event(message, EventType.OPEN, message_id=f"open-{message.pk}", occurred_at=now)
