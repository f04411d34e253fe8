"""The mailbox that bounces and complaints come to, read over IMAP (RFC 9051)."""

import imaplib
import logging
import ssl
from urllib.parse import unquote, urlsplit

from django.conf import settings

from notifications.listening.feedback import take_report
from notifications.listening.reports_mail import parse_reports

MAX_MAILS = 500  # in one turn
TIMEOUT = 30.0  # seconds

logger = logging.getLogger(__name__)


def read_mailbox() -> int:
    """Take in what is unread at `BOUNCE_MAILBOX_URL`; returns how many reports were new.

    A mail is marked as read after its reports are stored, so a crash in between reads it again, which counts once.
    Other mails are marked as read and left. Raises OSError or imaplib.IMAP4.error when the server cannot be read.
    """
    if not settings.BOUNCE_MAILBOX_URL:
        return 0
    new = 0
    with _log_in(settings.BOUNCE_MAILBOX_URL) as box:
        _status, [numbers] = box.search(None, "UNSEEN")
        for number in numbers.split()[:MAX_MAILS]:
            _status, parts = box.fetch(number.decode(), "(BODY.PEEK[])")
            data = next((part[1] for part in parts if isinstance(part, tuple)), b"")
            new += sum(take_report(report) is not None for report in parse_reports(data))
            box.store(number.decode(), "+FLAGS", "\\Seen")
    return new


def _log_in(url: str) -> imaplib.IMAP4:
    """The open mailbox of `imaps://user:password@host/FOLDER`, or `imap://` without TLS."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "imaps":
        context = ssl.create_default_context()
        box: imaplib.IMAP4 = imaplib.IMAP4_SSL(host, parts.port or 993, ssl_context=context, timeout=TIMEOUT)
    else:
        box = imaplib.IMAP4(host, parts.port or 143, timeout=TIMEOUT)
    box.login(unquote(parts.username or ""), unquote(parts.password or ""))
    box.select(unquote(parts.path.strip("/")) or "INBOX")
    return box
