"""One SMTP conversation kept open over many mails, its failures sorted by what they mean (RFC 5321, RFC 3463).

Where the server offers PIPELINING (RFC 2920), a mail's text and the next one's sender, recipient and DATA leave in one
write, and the one after that is rendered while the server works: a mail costs one round trip instead of four.
"""

import contextlib
import re
import smtplib
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from notifications.channels.base import (
    Address,
    BadAddressError,
    DeliveryError,
    MailboxError,
    OutcomeUnknownError,
    PermanentError,
    ThrottledError,
    TransientError,
)
from notifications.channels.email.server import SmtpSettings

IDLE_SECONDS = 5  # servers may hang up on a silent client, so ask after that before relying on the connection
_POLICY = re.compile(r"\b[45]\.7\.\d+\b")
_MAILBOX = re.compile(r"\b4\.2\.\d+\b")
_NOWHERE = re.compile(r"\b5\.1\.(?:1|2|3|6|10)\b")  # no such mailbox, no such domain, no address, moved, null MX
_BAD_MAILBOX = {550, 551, 553}


@dataclass(frozen=True, slots=True)
class Mail:
    """What is handed over. `address` is as it was given to us, the others as SMTP carries them.

    Every line of `data` ends in CRLF, and none begins with a dot, which would need stuffing (RFC 5321 §4.5.2).
    """

    message_id: int
    address: Address
    sender: str
    recipient: str
    data: bytes


class SmtpConnection:
    """Connects when it is first used, and again when the server has hung up between two mails."""

    def __init__(self, server: SmtpSettings) -> None:
        self.server = server
        self._smtp: smtplib.SMTP | None = None
        self._pipelining = False
        self._is_fresh = True  # nothing was settled on this connection yet
        self._last_used = 0.0

    def deliver(self, mails: Iterable[Mail]) -> Iterator[tuple[Mail, DeliveryError | None]]:
        """Hand the mails over in order; each comes back when the server has accepted it, or with what went wrong."""
        try:
            yield from self._converse(iter(mails))
        except BaseException:
            self.close()  # whatever broke off the conversation left it in the middle
            raise

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

    def _converse(self, mails: Iterator[Mail]) -> Iterator[tuple[Mail, DeliveryError | None]]:
        sent: Mail | None = None  # its text has left, its answer is due
        is_asked = False  # the envelope of `mail` has left together with that text
        interruption: BaseException | None = None
        mail = next(mails, None)
        while mail:
            refusal = None if sent else self._ready()
            upcoming = None
            if refusal is None:
                upcoming, interruption = _next(mails)  # rendered while the server works
                if sent:
                    yield sent, self._answer()
                    sent = None
                refusal = self._ask(mail, is_asked=is_asked) or self._hand_over(mail, upcoming)
            is_asked = refusal is None and self._pipelining and upcoming is not None
            if refusal is None:
                sent = mail
            else:
                yield mail, refusal
            mail = upcoming or (None if interruption else next(mails, None))
        if sent:
            yield sent, self._answer()
        if interruption:
            raise interruption

    @property
    def _line(self) -> smtplib.SMTP:
        if self._smtp is None:
            raise smtplib.SMTPServerDisconnected("not connected")
        return self._smtp

    def _ready(self) -> DeliveryError | None:
        """Connect unless we are connected and the server still listens."""
        if self._smtp is not None and time.monotonic() - self._last_used > IDLE_SECONDS:
            try:
                alive = self._smtp.noop()[0] == 250
            except (OSError, smtplib.SMTPException):
                alive = False
            if not alive:
                self.close()
        if self._smtp is None:
            server = self.server
            try:
                self._smtp = server.connect()
            except (OSError, smtplib.SMTPException) as error:
                return ThrottledError(
                    f"The mail server {server.host}:{server.port} cannot be used ({_text(error)}). Check EMAIL_URL."
                )
            self._pipelining = self._smtp.has_extn("pipelining")
            self._is_fresh = True
            self._last_used = time.monotonic()
        return None

    def _ask(self, mail: Mail, *, is_asked: bool) -> DeliveryError | None:
        """Whether the server will take the text of this mail.

        Servers end a conversation after so many mails; that is no failure of this one, so it is asked once more.
        """
        is_asked = is_asked and self._smtp is not None
        if not is_asked and (error := self._ready()):
            return error
        was_fresh = self._is_fresh
        error = self._dialogue(mail, is_asked=is_asked)
        if error and not was_fresh and self._smtp is None:
            error = self._ready() or self._dialogue(mail, is_asked=False)
        return error

    def _dialogue(self, mail: Mail, *, is_asked: bool) -> DeliveryError | None:
        smtp = self._line
        try:
            if self._pipelining and not is_asked:
                smtp.send(_envelope(mail))
            for command, accepted in zip(_commands(mail), ((250,), (250, 251), (354,)), strict=True):
                code, answer = smtp.getreply() if self._pipelining else smtp.docmd(command)
                if code not in accepted:
                    return self._refused(code, answer, command)
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            return TransientError(f"The mail server hung up before it took the mail ({_text(error)}).")
        return None

    def _refused(self, code: int, answer: bytes, command: str) -> DeliveryError:
        """What the answer to `command` means. Leaves the connection ready for the next mail, or closed."""
        smtp = self._line
        error = refusal(code, answer.decode("utf-8", "replace"), at_recipient=command.startswith("RCPT"))
        self._settled()
        if code == 421:
            self.close()
            return error
        left = {"M": 2, "R": 1}.get(command[0], 0) if self._pipelining else 0
        try:
            for _ in range(left):
                last, _answer = smtp.getreply()
            if left and last == 354:  # it would take a text for nobody (RFC 2920 §3.1): give it none
                smtp.send(b".\r\n")
                smtp.getreply()
            smtp.rset()
        except (OSError, smtplib.SMTPException):
            self.close()
        return error

    def _hand_over(self, mail: Mail, upcoming: Mail | None) -> DeliveryError | None:
        """Write the text, and the envelope of the next mail behind it."""
        following = _envelope(upcoming) if upcoming and self._pipelining else b""
        try:
            self._line.send(b"".join((mail.data, b".\r\n", following)))
        except (OSError, smtplib.SMTPException) as error:
            return self._lost(error)
        return None

    def _answer(self) -> DeliveryError | None:
        """What became of the text that was handed over last."""
        try:
            code, answer = self._line.getreply()
        except (OSError, smtplib.SMTPException) as error:
            return self._lost(error)
        self._settled()
        if code == 250:
            return None
        if code == 421:
            self.close()
        return refusal(code, answer.decode("utf-8", "replace"), at_recipient=False)

    def _lost(self, error: Exception) -> DeliveryError:
        # A lost connection leaves open whether the server has taken the mail.
        self.close()
        return OutcomeUnknownError(f"The connection broke after the mail had left ({_text(error)}).")

    def _settled(self) -> None:
        self._is_fresh = False
        self._last_used = time.monotonic()


def refusal(code: int, answer: str, *, at_recipient: bool) -> DeliveryError:
    """What a negative answer means (RFC 5321, RFC 3463).

    X.7.X is policy: another address does not help. At a recipient it is mostly that domain's (greylisting), so only
    there it is no reason for the whole channel to rest; 421 always is one, because the server hangs up.
    """
    text = f"{code} {answer}"[:500]
    is_policy = _POLICY.search(answer) is not None
    if 400 <= code < 500:
        if code == 421 or (is_policy and not at_recipient):
            return ThrottledError(text)
        return MailboxError(text) if at_recipient and _MAILBOX.search(answer) else TransientError(text)
    if at_recipient and not is_policy and (code in _BAD_MAILBOX or _NOWHERE.search(answer)):
        return BadAddressError(text)
    return PermanentError(text)


def _next(mails: Iterator[Mail]) -> tuple[Mail | None, BaseException | None]:
    """The next mail; being told to stop must not lose the answer to the mail that is under way."""
    try:
        return next(mails, None), None
    except BaseException as interruption:
        return None, interruption


def _commands(mail: Mail) -> tuple[str, str, str]:
    return f"MAIL FROM:<{mail.sender}>", f"RCPT TO:<{mail.recipient}>", "DATA"


def _envelope(mail: Mail) -> bytes:
    return "".join(f"{command}\r\n" for command in _commands(mail)).encode("ascii")


def _text(error: Exception) -> str:
    return str(error) or type(error).__name__
