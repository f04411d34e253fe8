"""A real SMTP server that records what it accepts and misbehaves towards chosen addresses."""

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass
class Recorder:
    """`at_recipient` and `after_data` map an address to the server's answer; "drop" hangs up without one.

    `at_domain` does it for all addresses of a domain, and `asked` counts how often each was asked for. `delay` is how
    long the server takes for every mail.
    """

    at_recipient: dict[str, str] = field(default_factory=dict)
    at_domain: dict[str, str] = field(default_factory=dict)
    after_data: dict[str, str] = field(default_factory=dict)
    after_every_text: str = "250 accepted"
    delay: float = 0.0
    asked: Counter[str] = field(default_factory=Counter)
    on_data: object = None
    per_connection: int = 0
    pipelining: bool = False
    accepted: list[tuple[str, bytes]] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    async def handle_EHLO(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [*responses[:-1], *(["250-PIPELINING"] if self.pipelining else []), responses[-1]]

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list) -> str:  # noqa: N802
        domain = address.rpartition("@")[2]
        self.asked[domain] += 1
        answer = self.at_recipient.get(address) or self.at_domain.get(domain, "250 OK")
        if answer == "drop":
            server.transport.abort()
        elif answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_MAIL(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list) -> str:  # noqa: N802
        session.mails = getattr(session, "mails", 0) + 1
        if session.mails == 1:
            self.connections += 1
        if self.per_connection and session.mails > self.per_connection:
            server.transport.close()
            return "421 too many mails in one session"
        envelope.mail_from = address
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        address = envelope.rcpt_tos[0]
        answer = self.after_data.get(address, self.after_every_text)
        if self.delay:
            await asyncio.sleep(self.delay)
        if answer in ("drop", "250 accepted"):
            self.accepted.append((address, envelope.original_content))
        if callable(self.on_data):
            self.on_data(address)
        if answer == "drop":
            server.transport.abort()
        return answer

    @property
    def addresses(self) -> list[str]:
        return [address for address, _ in self.accepted]

    def mail(self, index: int = 0) -> EmailMessage:
        """An accepted mail, as Python's own parser reads it."""
        return message_from_bytes(self.accepted[index][1], policy=policy.default)


@contextmanager
def smtp_server(recorder: Recorder, *, starttls: ssl.SSLContext | None = None) -> Iterator[Recorder]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        recorder.port = probe.getsockname()[1]
    controller = Controller(recorder, hostname="127.0.0.1", port=recorder.port, tls_context=starttls)
    controller.start()
    try:
        yield recorder
    finally:
        controller.stop()
