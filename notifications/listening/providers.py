"""What mail providers report by webhook. django-anymail knows their formats and checks signatures and passwords."""

from typing import Any

from anymail.signals import EventType as AnymailEvent
from anymail.signals import RejectReason, tracking
from django.utils import timezone

from notifications.choices import FeedbackKind
from notifications.listening.feedback import Report, find_message, take_report
from notifications.listening.tokens import TokenMaker
from notifications.listening.unsubscribe import unsubscribe

# Reasons that are about the address; others (a full mailbox, a policy, a time-out) may pass.
_DEAD = {RejectReason.INVALID, RejectReason.BOUNCED}


def listen() -> None:
    """Take the reports from now on."""
    tracking.connect(_take, dispatch_uid="notifications.providers")


def _take(event: Any, esp_name: str, **_kwargs: Any) -> None:
    if (kind := _kind(event)) is None and event.event_type != AnymailEvent.UNSUBSCRIBED:
        return
    report = Report(
        kind=kind or FeedbackKind.COMPLAINT,
        address=event.recipient or "",
        reference=event.message_id or "",
        occurred_at=event.timestamp or timezone.now(),
        source=esp_name.lower(),
        detail=" ".join(filter(None, (event.reject_reason, event.description, event.mta_response))),
    )
    if kind is not None:
        take_report(report)
    elif message := find_message(report):
        unsubscribe(token=TokenMaker().unsubscribe(customer_id=message.customer_id, message_id=message.pk))


def _kind(event: Any) -> FeedbackKind | None:
    """What it is to us; None for what we learn ourselves, as opens and clicks, or need not know."""
    if event.event_type == AnymailEvent.COMPLAINED:
        return FeedbackKind.COMPLAINT
    if event.event_type in (AnymailEvent.BOUNCED, AnymailEvent.REJECTED, AnymailEvent.FAILED):
        return FeedbackKind.HARD_BOUNCE if event.reject_reason in _DEAD else FeedbackKind.SOFT_BOUNCE
    return FeedbackKind.SOFT_BOUNCE if event.event_type == AnymailEvent.DEFERRED else None
