"""Consent that a customer withdraws or gives back through a link in a message (RFC 8058)."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from notifications.choices import MessageState
from notifications.listening.tokens import BadTokenError, MessageToken, read_unsubscribe
from notifications.models import Message
from users.choices import Channel, ConsentPurpose, EventType
from users.ingestion import EventInput, ingest_events
from users.models import Consent, Customer

CHANNEL = Channel.EMAIL


def preferences_customer(*, token: str) -> Customer:
    """The customer whose preferences the token opens. Raises BadTokenError."""
    customer = Customer.objects.filter(pk=read_unsubscribe(token).customer_id, erased_at=None).first()
    if customer is None:
        raise BadTokenError("This customer is not here any more.")
    return customer.merged_into or customer


def is_subscribed(*, customer: Customer) -> bool:
    """Whether the newest row of the ledger lets us write to the customer."""
    newest = (
        Consent.objects.filter(customer=customer, channel=CHANNEL, purpose=ConsentPurpose.MARKETING)
        .order_by("-recorded_at", "-pk")
        .values_list("granted", flat=True)
        .first()
    )
    return bool(newest)


def unsubscribe(*, token: str) -> Customer:
    """Withdraw the consent, cancel what is planned, and tell profiles and training. Harmless when repeated."""
    customer = preferences_customer(token=token)
    with transaction.atomic():
        Customer.objects.select_for_update().get(pk=customer.pk)
        if not is_subscribed(customer=customer):
            return customer
        _record(customer, granted=False, token=read_unsubscribe(token))
        Message.objects.filter(customer=customer, channel=CHANNEL, state=MessageState.PLANNED).update(
            state=MessageState.CANCELLED, error_kind="no_consent", error=_("The customer unsubscribed.")
        )
    if customer.external_id is not None:
        event = EventInput(
            message_id=f"unsubscribe-{customer.pk}-{timezone.now().isoformat()}",
            type=EventType.UNSUBSCRIBE.code,
            occurred_at=timezone.now(),
            customer_id=customer.external_id,
            context={"channel": str(CHANNEL), "message": read_unsubscribe(token).message_id},
        )
        ingest_events(events=[event], source="unsubscribe")
    return customer


@transaction.atomic
def resubscribe(*, token: str) -> Customer:
    """Give the consent back. Harmless when repeated. Raises BadTokenError."""
    customer = preferences_customer(token=token)
    Customer.objects.select_for_update().get(pk=customer.pk)
    if not is_subscribed(customer=customer):
        _record(customer, granted=True, token=read_unsubscribe(token))
    return customer


def _record(customer: Customer, *, granted: bool, token: MessageToken) -> None:
    Consent.objects.create(
        customer=customer,
        channel=CHANNEL,
        granted=granted,
        source=f"link in message {token.message_id}",
        recorded_at=timezone.now(),
    )
