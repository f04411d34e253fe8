"""One SMTP conversation kept open over many mails, its failures sorted by what they mean (RFC 5321, RFC 3463)."""

import contextlib
import re
import smtplib
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from django.conf import settings

from notifications.channels.base import (
    BadAddressError,
    DeliveryError,
    OutcomeUnknownError,
    PermanentError,
    ThrottledError,
    TransientError,
)

IDLE_SECONDS = 5  # servers may hang up on a silent client, so ask after that before relying on the connection
_POLICY = re.compile(r"\b[45]\.7\.\d+\b")
_BAD_MAILBOX = {550, 551, 553}


@dataclass(frozen=True)
class SmtpSettings:
    host: str
    port: int
    username: str
    password: str
    starttls: bool
    implicit_tls: bool
    timeout: float

    @classmethod
    def from_django(cls) -> Self:
        """The server of `EMAIL_URL`."""
        return cls(
            host=settings.EMAIL_HOST,
            port=settings.EMAIL_PORT,
            username=settings.EMAIL_HOST_USER,
            password=settings.EMAIL_HOST_PASSWORD,
            starttls=settings.EMAIL_USE_TLS,
            implicit_tls=settings.EMAIL_USE_SSL,
            timeout=settings.EMAIL_TIMEOUT,
        )


class SmtpConnection:
    """Connects when it is first used, and again when the server has hung up between two mails."""

    def __init__(self, server: SmtpSettings) -> None:
        self.server = server
        self._smtp: smtplib.SMTP | None = None
        self._last_used = 0.0

    def send(self, *, sender: str, recipient: str, data: bytes) -> None:
        """Hand over one mail. Returns only when the server has accepted it; raises a DeliveryError otherwise."""
        was_open = self._smtp is not None
        try:
            self._deliver(sender=sender, recipient=recipient, data=data)
        except TransientError:
            # Servers end a conversation after so many mails; that is no failure of this one.
            if not was_open or self._smtp is not None:
                raise
            self._deliver(sender=sender, recipient=recipient, data=data)
        except DeliveryError:
            raise
        except BaseException:
            self.close()  # whatever broke off the conversation left it in the middle
            raise

    def _deliver(self, *, sender: str, recipient: str, data: bytes) -> None:
        smtp = self._ready()
        with self._before_acceptance():
            self._address(smtp, sender=sender, recipient=recipient)
            code, answer = smtp.docmd("DATA")
            if code != 354:
                self._refuse(smtp, code, answer)
        # From here on a lost connection leaves open whether the server has taken the mail.
        try:
            smtp.send(_dot_stuffed(data))
            code, answer = smtp.getreply()
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            raise OutcomeUnknownError(f"The connection broke after the mail had left ({_text(error)}).") from error
        self._last_used = time.monotonic()
        if code != 250:
            self._refuse(smtp, code, answer)

    def close(self) -> None:
        """Hang up; the next mail connects again."""
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            smtp.close()

    def quit(self) -> None:
        """Take leave politely, and hang up."""
        with contextlib.suppress(OSError, smtplib.SMTPException):
            if self._smtp is not None:
                self._smtp.quit()
        self.close()

    def _ready(self) -> smtplib.SMTP:
        if self._smtp is not None and time.monotonic() - self._last_used > IDLE_SECONDS:
            try:
                alive = self._smtp.noop()[0] == 250
            except (OSError, smtplib.SMTPException):
                alive = False
            if not alive:
                self.close()
        if self._smtp is None:
            self._smtp = self._connect()
        return self._smtp

    def _connect(self) -> smtplib.SMTP:
        server = self.server
        smtp: smtplib.SMTP | None = None
        try:
            if server.implicit_tls:
                context = ssl.create_default_context()
                smtp = smtplib.SMTP_SSL(server.host, server.port, timeout=server.timeout, context=context)
            else:
                smtp = smtplib.SMTP(server.host, server.port, timeout=server.timeout)
            if server.starttls:
                smtp.starttls(context=ssl.create_default_context())
            smtp.ehlo_or_helo_if_needed()
            if server.username:
                smtp.login(server.username, server.password)
        except (OSError, smtplib.SMTPException) as error:
            if smtp is not None:
                smtp.close()
            raise ThrottledError(
                f"The mail server {server.host}:{server.port} cannot be used ({_text(error)}). Check EMAIL_URL."
            ) from error
        return smtp

    def _address(self, smtp: smtplib.SMTP, *, sender: str, recipient: str) -> None:
        code, answer = smtp.mail(sender)
        if code != 250:
            self._refuse(smtp, code, answer)
        code, answer = smtp.rcpt(recipient)
        if code not in (250, 251):
            self._refuse(smtp, code, answer, at_recipient=True)

    @contextlib.contextmanager
    def _before_acceptance(self) -> Iterator[None]:
        try:
            yield
        except smtplib.SMTPException as error:
            self.close()
            raise TransientError(f"The mail server hung up before it took the mail ({_text(error)}).") from error
        except OSError as error:
            self.close()
            raise TransientError(f"The connection broke before the mail was handed over ({_text(error)}).") from error

    def _refuse(self, smtp: smtplib.SMTP, code: int, answer: bytes, *, at_recipient: bool = False) -> None:
        """Leave the connection ready for the next mail, and raise what the server's answer means."""
        self._last_used = time.monotonic()
        if code == 421:
            self.close()
        else:
            try:
                smtp.rset()
            except (OSError, smtplib.SMTPException):
                self.close()
        raise refusal(code, answer.decode("utf-8", "replace"), at_recipient=at_recipient)


def refusal(code: int, answer: str, *, at_recipient: bool) -> DeliveryError:
    """What a negative answer means. X.7.X is policy (RFC 3463): slowing down helps, another address does not."""
    text = f"{code} {answer}"[:500]
    if 400 <= code < 500:
        return ThrottledError(text) if code == 421 or _POLICY.search(answer) else TransientError(text)
    if at_recipient and code in _BAD_MAILBOX and not _POLICY.search(answer):
        return BadAddressError(text)
    return PermanentError(text)


def _dot_stuffed(data: bytes) -> bytes:
    """RFC 5321 §4.5.2: a leading dot is doubled, and a lone dot ends the mail. `data` ends in CRLF."""
    return (b"." if data.startswith(b".") else b"") + data.replace(b"\r\n.", b"\r\n..") + b".\r\n"


def _text(error: Exception) -> str:
    return str(error) or type(error).__name__
