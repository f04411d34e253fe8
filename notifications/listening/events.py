"""What comes back from a message as an event of its customer: profiles, segments and training see it."""

from datetime import datetime
from typing import Any

from notifications.models import Message
from users.choices import EventType
from users.ingestion import EventInput, ingest_events


def ingest_message_event(
    message: Message,
    kind: EventType,
    *,
    message_id: str,
    occurred_at: datetime,
    item_id: str | None = None,
    **context: Any,
) -> None:
    """Store it once, however often it comes: `message_id` is the event's own. A visitor's counts for the visitor."""
    customer = message.customer.merged_into or message.customer
    event = EventInput(
        message_id=message_id,
        type=kind.code,
        occurred_at=occurred_at,
        customer_id=customer.external_id or "",
        anonymous_id="" if customer.external_id else customer.anonymous_id or "",
        item_id=item_id,
        context={"campaign": message.run.campaign_id, "message": message.pk, "channel": message.channel, **context},
    )
    ingest_events(events=[event], source=kind.code)
