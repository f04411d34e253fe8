"""The messages of Segment's tracking API, translated to our events, orders, customers and identities."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from catalog.validation import Refused, RefusedRow
from users.api.segment_io import commerce, people
from users.api.segment_io.envelope import Envelope, read_envelope
from users.api.segment_io.values import read_text, read_time
from users.ingestion import TrackingBatch

_TEXT_LENGTH = 1_000


def translate(
    messages: list[Any], *, sent_at: Any, received_at: datetime, currency: str
) -> tuple[TrackingBatch, list[RefusedRow]]:
    """Translate a batch. Messages that make no sense are refused with their index in the batch.

    Times are corrected for the sender's clock. `currency` is what a price without one is in.
    """
    found = TrackingBatch()
    refused_rows: list[RefusedRow] = []
    sent = read_time(sent_at)
    for index, message in enumerate(messages):
        try:
            if not isinstance(message, dict):
                raise Refused("bad_message", f"Expected an object, got {type(message).__name__}.")
            kind = str(message.get("type") or "track")
            handler = _HANDLERS.get(kind)
            if handler is None:
                raise Refused("unknown_call", f"type must be one of {', '.join(_HANDLERS)}; got {kind!r:.40}.")
            handler(
                found, read_envelope(message, index=index, sent_at=sent, received_at=received_at, currency=currency)
            )
        except Refused as refused:
            refused_rows.append(RefusedRow(index, refused.reason, refused.message))
    return found, refused_rows


def _page(found: TrackingBatch, envelope: Envelope) -> None:
    """A page or screen. Addresses are kept without their query, where tokens and addresses of people may stand."""
    properties = envelope.properties
    page: dict[str, Any] = {name: read_text(properties.get(name)) for name in ("url", "path", "title", "referrer")}
    page["name"] = read_text(envelope.message.get("name"))
    for name in ("url", "path", "referrer"):
        page[name] = page[name].partition("?")[0].partition("#")[0]
    context = {name: text[:_TEXT_LENGTH] for name, text in page.items() if text}
    found.events.append((envelope.origin, envelope.event("page", context=context)))


_HANDLERS: dict[str, Callable[[TrackingBatch, Envelope], None]] = {
    "track": commerce.track,
    "identify": people.identify,
    "page": _page,
    "screen": _page,
    "alias": people.alias,
    "group": people.group,
}
