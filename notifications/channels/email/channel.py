"""The e-mail channel. Each thread of a worker keeps one connection open from batch to batch."""

import threading
from typing import ClassVar, Self

from django.conf import settings

from notifications.channels.base import Capabilities, Envelope, Mailing
from notifications.channels.email.mime import MailTemplate, wire_address
from notifications.channels.email.smtp import SmtpConnection, SmtpSettings

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

    capabilities: ClassVar[Capabilities] = Capabilities()

    def __init__(self, mailing: Mailing) -> None:
        self._template = MailTemplate(mailing, sender=settings.DEFAULT_FROM_EMAIL)
        self._connection = pooled_connection()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """The connection stays open for the next batch."""

    def send(self, envelope: Envelope) -> str:
        """Deliver one mail and return its Message-ID."""
        address = wire_address(envelope.address)
        data = self._template.build(envelope, address=address)
        self._connection.send(sender=self._template.sender, recipient=address, data=data)
        return self._template.provider_id(envelope.message_id)
