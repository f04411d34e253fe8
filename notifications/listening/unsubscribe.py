"""Consent that a customer withdraws or gives back through a link in a message (RFC 8058), per channel and purpose."""

from collections.abc import Set
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from notifications.choices import MessageState
from notifications.listening.tokens import BadTokenError, MessageToken, read_unsubscribe
from notifications.listening.topics import set_topics
from notifications.models import Message
from users.choices import Channel, ConsentPurpose, EventType
from users.ingestion import EventInput, ingest_events
from users.models import Consent, Customer
from users.privacy.consents import current_consents

# What staff call by its technique.
_CUSTOMERS_WORDS = {
    Channel.EMAIL: Channel.EMAIL.label,
    Channel.WEBPUSH: gettext_lazy("Notifications in the browser"),
    Channel.FCM: gettext_lazy("Notifications on Android"),
    Channel.APNS: gettext_lazy("Notifications on iPhone and iPad"),
    Channel.INBOX: gettext_lazy("Messages in the app"),
    Channel.WEBHOOK: gettext_lazy("Messages to your phone"),
}


@dataclass(frozen=True)
class Preference:
    """One line of the preference centre. Profiling is one question, whatever channel it was asked on."""

    channel: str
    purpose: str
    granted: bool

    @property
    def key(self) -> str:
        """Its name in the form."""
        return f"{self.channel}:{self.purpose}"

    @property
    def label(self) -> str:
        """What the customer reads."""
        if self.purpose == ConsentPurpose.PROFILING:
            return _("Personal recommendations")
        return str(_CUSTOMERS_WORDS[Channel(self.channel)])


def preferences_customer(*, token: str) -> Customer:
    """The customer whose preferences the token opens. Raises BadTokenError."""
    customer = Customer.objects.filter(pk=read_unsubscribe(token).customer_id, erased_at=None).first()
    if customer is None:
        raise BadTokenError("This customer is not here any more.")
    return customer.merged_into or customer


def token_channel(*, token: str) -> str:
    """The channel of the message that the token came with; mail, where the message is gone. Raises BadTokenError."""
    message_id = read_unsubscribe(token).message_id
    return Message.objects.filter(pk=message_id).values_list("channel", flat=True).first() or Channel.EMAIL


def is_subscribed(*, customer: Customer, channel: str = Channel.EMAIL) -> bool:
    """Whether the newest row of the ledger lets us write to the customer."""
    return any(each.granted for each in preferences(customer=customer) if each.key == f"{channel}:marketing")


def preferences(*, customer: Customer) -> list[Preference]:
    """What the customer was ever asked, in the order of the channels, with what holds now."""
    current = current_consents(customer_ids=[customer.pk])[customer.pk]
    order = {channel: place for place, channel in enumerate(Channel.values)}
    marketing = [each for each in current if each.purpose == ConsentPurpose.MARKETING]
    profiling = sorted(
        (each for each in current if each.purpose == ConsentPurpose.PROFILING),
        key=lambda each: (each.recorded_at, each.pk),
    )[-1:]
    ordered = [*sorted(marketing, key=lambda each: order[each.channel]), *profiling]
    return [Preference(each.channel, each.purpose, each.granted) for each in ordered]


def unsubscribe(*, token: str) -> Customer:
    """Withdraw the consent on the message's channel. Harmless when repeated. Raises BadTokenError."""
    customer = preferences_customer(token=token)
    _set(customer, {f"{token_channel(token=token)}:{ConsentPurpose.MARKETING}": False}, read_unsubscribe(token))
    return customer


def resubscribe(*, token: str) -> Customer:
    """Give the consent back. Harmless when repeated. Raises BadTokenError."""
    customer = preferences_customer(token=token)
    _set(customer, {f"{token_channel(token=token)}:{ConsentPurpose.MARKETING}": True}, read_unsubscribe(token))
    return customer


def save_preferences(*, token: str, granted: Set[str], shown: Set[str] = frozenset()) -> Customer:
    """Let hold what the form says: of the channels the keys in `granted`, and no other; of the topics those that it
    has `shown`, so that none that is newer than the form is refused by it. Raises BadTokenError.
    """
    customer = preferences_customer(token=token)
    told = read_unsubscribe(token)
    with transaction.atomic():
        _set(customer, {each.key: each.key in granted for each in preferences(customer=customer)}, told)
        set_topics(customer=customer, wanted={key: key in granted for key in shown}, source=_source(told))
    return customer


def _set(customer: Customer, wanted: dict[str, bool], token: MessageToken) -> None:
    """Record what changes, cancel what is planned on channels that were withdrawn, tell profiles and training."""
    now = timezone.now()
    with transaction.atomic():
        Customer.objects.select_for_update().get(pk=customer.pk)
        holds = {each.key: each.granted for each in preferences(customer=customer)}
        changed = {key: on for key, on in wanted.items() if holds.get(key, False) != on}
        for key, on in changed.items():
            channel, purpose = key.split(":")
            Consent.objects.create(
                customer=customer, channel=channel, purpose=purpose, granted=on, source=_source(token), recorded_at=now
            )
        left = [key.split(":")[0] for key, on in changed.items() if not on and key.endswith(ConsentPurpose.MARKETING)]
        Message.objects.filter(customer=customer, channel__in=left, state=MessageState.PLANNED).update(
            state=MessageState.CANCELLED, error_kind="no_consent", error=_("The customer unsubscribed.")
        )
    ingest_events(events=[_event(customer, channel, token) for channel in left], source="unsubscribe")


def _source(token: MessageToken) -> str:
    return f"link in message {token.message_id}"


def _event(customer: Customer, channel: str, token: MessageToken) -> EventInput:
    now = timezone.now()
    return EventInput(
        message_id=f"unsubscribe-{customer.pk}-{channel}-{now.isoformat()}",
        type=EventType.UNSUBSCRIBE.code,
        occurred_at=now,
        customer_id=customer.external_id or "",
        anonymous_id="" if customer.external_id else customer.anonymous_id or "",
        context={"channel": channel, "message": token.message_id},
    )
