"""The e-mail channel. Each thread of a worker keeps one connection open from batch to batch."""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import ClassVar, Self

from django.conf import settings
from django.db import transaction

from notifications.channels.base import (
    Address,
    BadAddressError,
    Capabilities,
    DeliveryError,
    Envelope,
    Mailing,
    Receipt,
)
from notifications.channels.email.dkim import configured_signer
from notifications.channels.email.mime import MailTemplate, wire_address
from notifications.channels.email.server import SmtpSettings
from notifications.channels.email.smtp import Mail, SmtpConnection
from notifications.models import Suppression
from users.choices import Channel
from users.models import Customer

_pool = threading.local()


def pooled_connection() -> SmtpConnection:
    """This thread's connection to the configured server."""
    server = SmtpSettings.from_django()
    connection: SmtpConnection | None = getattr(_pool, "connection", None)
    if connection is None or connection.server != server:
        if connection is not None:
            connection.quit()
        connection = _pool.connection = SmtpConnection(server)
    return connection


class EmailChannel:
    """Mails of one run over the pooled connection."""

    capabilities: ClassVar[Capabilities] = Capabilities(takes_mail=True)
    unreachable: ClassVar[str] = "{customer}.email_hash = ''"

    def __init__(self, mailing: Mailing) -> None:
        self._template = MailTemplate(mailing, sender=settings.DEFAULT_FROM_EMAIL, signer=configured_signer())
        self._connection = pooled_connection()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """The connection stays open for the next batch."""

    @classmethod
    def addresses(cls, customer_ids: Sequence[int]) -> Mapping[int, tuple[Address, ...]]:
        """The mailbox of each customer."""
        rows = Customer.objects.filter(pk__in=customer_ids, erased_at=None).exclude(email_hash="")
        return {pk: (Address(email, hash=known),) for pk, email, known in rows.values_list("pk", "email", "email_hash")}

    def deliver(self, messages: Iterable[Envelope]) -> Iterator[Receipt]:
        """Send each mail; the provider's id is its Message-ID."""
        unsendable: list[Receipt] = []
        for mail, error in self._connection.deliver(self._mails(messages, unsendable)):
            yield from _emptied(unsendable)
            yield self._receipt(mail.message_id, mail.address, error)
        yield from unsendable

    def _mails(self, messages: Iterable[Envelope], unsendable: list[Receipt]) -> Iterator[Mail]:
        for envelope in messages:
            try:
                address = wire_address(envelope.address.value)
            except BadAddressError as error:
                unsendable.append(self._receipt(envelope.message_id, envelope.address, error))
            else:
                data = self._template.build(envelope, address=address)
                yield Mail(envelope.message_id, envelope.address, self._template.sender, address, data)

    def _receipt(self, message_id: int, address: Address, error: DeliveryError | None) -> Receipt:
        if error is None:
            return Receipt(message_id, provider_id=self._template.provider_id(message_id))
        return Receipt(message_id, error=error, dead=(address,) if isinstance(error, BadAddressError) else ())

    @classmethod
    def retire(cls, addresses: Sequence[Address]) -> None:
        """Put them on the suppression list, unless their customer is gone."""
        hashes = {address.hash for address in addresses if address.hash}
        with transaction.atomic():  # the lock keeps an erasure from passing between the two statements
            known = Customer.objects.select_for_update().filter(email_hash__in=hashes)
            Suppression.objects.bulk_create(
                (
                    Suppression(channel=Channel.EMAIL, address_hash=each, reason="bad_address")
                    for each in set(known.values_list("email_hash", flat=True))
                ),
                ignore_conflicts=True,
            )


def _emptied(receipts: list[Receipt]) -> list[Receipt]:
    taken, receipts[:] = receipts[:], []
    return taken
