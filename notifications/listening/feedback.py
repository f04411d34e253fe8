"""Bounces and complaints: each counts once, stops what must not go on, and becomes an event of the customer."""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from notifications.choices import FeedbackKind, MessageState
from notifications.listening.domains import domain_of
from notifications.listening.events import ingest_message_event
from notifications.listening.suppressions import suppress
from notifications.models import Feedback, Message
from users.choices import Channel, EventType
from users.encryption import lookup_hash
from users.models import Customer

# So many soft bounces within so long a time, and the address counts as dead.
SOFT_BOUNCES = 4
SOFT_WINDOW = timedelta(days=30)
LOOK_BACK = timedelta(days=14)  # how old a message may be that an address alone leads to

_OUR_ID = re.compile(r"<?(\d{1,18})\.([0-9a-f]{12})@")
_EVENTS = {
    FeedbackKind.HARD_BOUNCE: EventType.BOUNCE,
    FeedbackKind.SOFT_BOUNCE: EventType.BOUNCE,
    FeedbackKind.COMPLAINT: EventType.COMPLAINT,
}


@dataclass(frozen=True, slots=True)
class Report:
    """One statement of a receiver. `reference` is the Message-ID, or the provider's own id of the message."""

    kind: FeedbackKind
    address: str
    reference: str
    occurred_at: datetime
    source: str
    status: str = ""
    detail: str = ""


def take_report(report: Report) -> Feedback | None:
    """Store it and do what follows from it; None when it came before. An unknown message or address is stored, too.

    A hard bounce and a complaint put the address on the suppression list, as do repeated soft bounces.
    """
    message = find_message(report)
    customer = message.customer if message else Customer.objects.filter(email_hash=_hash(report)).first()
    address_hash = _hash(report) or (customer.email_hash if customer else "")
    with transaction.atomic():
        feedback, is_new = Feedback.objects.get_or_create(
            key=_key(report, message),
            defaults={
                "kind": report.kind,
                "customer": customer if customer and customer.erased_at is None else None,
                "message": message,
                "domain": domain_of(report.address or (customer.email if customer else "")),
                "status": report.status[:16],
                "detail": report.detail.replace("\x00", "")[:2000],
                "source": report.source[:32],
                "occurred_at": report.occurred_at,
            },
        )
        if not is_new:
            return None
        if reason := _reason(report, customer):
            suppress(channel=Channel.EMAIL, address_hashes=[address_hash], reason=reason)
            _cancel_planned(customer)
    if message is not None and message.customer.erased_at is None:
        ingest_message_event(
            message,
            _EVENTS[report.kind],
            message_id=f"{report.kind}-{feedback.pk}",
            occurred_at=report.occurred_at,
            status=report.status,
        )
    return feedback


def _hash(report: Report) -> str:
    return lookup_hash(report.address)


def _key(report: Report, message: Message | None) -> str:
    """One for every receiver's verdict on one message; without a message the moment tells them apart."""
    what = str(message.pk) if message else f"{report.reference} {report.occurred_at.isoformat()}"
    soft = report.occurred_at.date().isoformat() if report.kind == FeedbackKind.SOFT_BOUNCE else ""
    return hashlib.sha256(f"{report.kind} {what} {_hash(report)} {soft}".encode()).hexdigest()


def find_message(report: Report) -> Message | None:
    """By our own Message-ID, which names its campaign's token; else by the provider's id among the latest ones sent to
    the address.
    """
    messages = Message.objects.select_related("customer__merged_into", "run__campaign")
    if found := _OUR_ID.search(report.reference):
        message = messages.filter(pk=int(found[1])).first()
        if message and message.run.campaign.hold_out_seed.hex[:12] == found[2]:
            return message
    if not report.address:
        return None
    sent = messages.filter(
        customer__email_hash=_hash(report),
        channel=Channel.EMAIL,
        sent_at__gte=report.occurred_at - LOOK_BACK,
        sent_at__lte=report.occurred_at + timedelta(hours=1),
    ).order_by("-sent_at")
    same = sent.filter(provider_id=report.reference).first() if report.reference else None
    return same or sent.first()


def _reason(report: Report, customer: Customer | None) -> str:
    if report.kind != FeedbackKind.SOFT_BOUNCE:
        return str(report.kind)
    if customer is None:
        return ""
    since = report.occurred_at - SOFT_WINDOW
    soft = Feedback.objects.filter(customer=customer, kind=FeedbackKind.SOFT_BOUNCE, occurred_at__gte=since)
    return "soft_bounces" if soft.count() >= SOFT_BOUNCES else ""


def _cancel_planned(customer: Customer | None) -> None:
    if customer is not None:
        Message.objects.filter(customer=customer, channel=Channel.EMAIL, state=MessageState.PLANNED).update(
            state=MessageState.CANCELLED, error_kind="suppressed_address"
        )
