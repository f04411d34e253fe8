"""What every message carries, with its time corrected for the sender's clock."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from catalog.validation import Refused, check_id
from users.api.segment_io.context import kept_context
from users.api.segment_io.values import read_id, read_key, read_time
from users.ingestion import EventInput, Source
from users.ingestion.validate import EARLIEST, check_time

CLOCK_JITTER = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who, when and what. `kept` is the part of the context that is stored; `currency` that of prices without one."""

    origin: Source
    user_id: str
    anonymous_id: str
    message: dict[str, Any]
    properties: dict[str, Any]
    context: dict[str, Any]
    kept: dict[str, Any]
    currency: str

    @property
    def time(self) -> datetime:
        return self.origin.time

    def event(self, kind: str, *, context: dict[str, Any], suffix: str = "", **fields: Any) -> EventInput:
        """An event of this message; `suffix` tells several of one message apart."""
        return EventInput(
            message_id=self.origin.message_id + suffix,
            type=kind,
            occurred_at=self.time,
            customer_id=self.user_id,
            anonymous_id=self.anonymous_id,
            context={**context, **self.kept} or None,
            **fields,
        )


def read_envelope(
    message: dict[str, Any], *, index: int, sent_at: datetime | None, received_at: datetime, currency: str
) -> Envelope:
    """Read a message of a batch that was sent at `sent_at` by the sender's clock. Raises Refused."""
    user_id, anonymous_id = read_id(message.get("userId")), read_id(message.get("anonymousId"))
    if not user_id and not anonymous_id:
        raise Refused("missing_user_id", "A message needs a userId or an anonymousId.")
    for value, field in ((user_id, "customer_id"), (anonymous_id, "anonymous_id")):
        if value:
            check_id(value, field)
    message_id = read_key(message.get("messageId"))
    if not message_id:
        raise Refused("missing_message_id", "messageId is missing; without it a retry would count twice.")
    check_id(message_id, "message_id")
    properties = message.get("properties") or message.get("traits") or {}
    context = message.get("context") or {}
    if not isinstance(properties, dict) or not isinstance(context, dict):
        raise Refused("bad_properties", "properties, traits and context must be objects.")
    stamped = read_time(message.get("timestamp") or message.get("originalTimestamp"))
    sent_at = read_time(message.get("sentAt")) or sent_at
    time = corrected_time(stamped, sent_at=sent_at, received_at=received_at)
    return Envelope(
        origin=Source(index, message_id, check_time(time, "timestamp", received_at)),
        user_id=user_id,
        anonymous_id=anonymous_id,
        message=message,
        properties=properties,
        context=context,
        kept=kept_context(context),
        currency=currency,
    )


def corrected_time(stamped: datetime | None, *, sent_at: datetime | None, received_at: datetime) -> datetime:
    """timestamp + (received - sent), as Segment corrects the sender's clock.

    Only a clock that ran wrong by the same amount at both times can be corrected. Where the result lies in the future
    or before the time of any shop, `sent_at` was nonsense, and the time stamp is taken as it is.
    """
    if stamped is None:
        return received_at
    if sent_at is None:
        return stamped
    try:
        corrected = stamped + (received_at - sent_at)
    except OverflowError:
        return stamped
    return corrected if EARLIEST <= corrected <= received_at + CLOCK_JITTER else stamped
