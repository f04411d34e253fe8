"""Reports that come by mail: delivery status notifications (RFC 3464) and abuse reports (ARF, RFC 5965)."""

import email
import re
from datetime import UTC, datetime
from email.message import EmailMessage, Message
from email.policy import default
from email.utils import parsedate_to_datetime
from typing import cast

from django.utils import timezone

from notifications.choices import FeedbackKind
from notifications.listening.feedback import Report

MAX_BYTES = 1_000_000
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
# Codes of class 5 that are about the mail or the moment, not about the mailbox (RFC 3463): full, too large, policy.
_NOT_THE_ADDRESS = re.compile(r"5\.(2\.[23]|3\.\d+|4\.\d+|6\.\d+|7\.\d+)")


def parse_reports(data: bytes) -> list[Report]:
    """What the mail reports, one for each recipient; empty for any other mail. Never raises on what a stranger sent."""
    mail = email.message_from_bytes(data[:MAX_BYTES], policy=default)
    if mail.get_content_type() != "multipart/report":
        return []
    parts = {part.get_content_type(): part for part in mail.walk()}
    reference, when = _original_id(parts), _date(mail)
    if status := parts.get("message/delivery-status"):
        return _bounces(status, reference, when)
    if feedback := parts.get("message/feedback-report"):
        return _complaints(feedback, parts, reference, when)
    return []


def _bounces(part: EmailMessage, reference: str, when: datetime) -> list[Report]:
    """Each block but the first is about one recipient (RFC 3464, section 2.3)."""
    found = []
    for block in _blocks(part)[1:]:
        action = _text(block, "Action").lower()
        match = _STATUS.search(_text(block, "Status"))
        status = match[0] if match else ""
        address = _address(_text(block, "Original-Recipient")) or _address(_text(block, "Final-Recipient"))
        if action not in ("failed", "delayed") or not (address or reference):
            continue
        is_hard = action == "failed" and not status.startswith("4") and not _NOT_THE_ADDRESS.match(status)
        kind = FeedbackKind.HARD_BOUNCE if is_hard else FeedbackKind.SOFT_BOUNCE
        detail = _text(block, "Diagnostic-Code")
        found.append(Report(kind, address, reference, when, "mailbox", status=status, detail=detail))
    return found


def _complaints(part: EmailMessage, parts: dict[str, EmailMessage], reference: str, when: datetime) -> list[Report]:
    block = (_blocks(part) or [Message()])[0]
    if _text(block, "Feedback-Type").lower() not in ("abuse", "fraud", "opt-out", ""):
        return []  # `not-spam` and `auth-failure` complain of nobody
    address = _address(_text(block, "Original-Rcpt-To"))
    if not address and (original := _original(parts)):
        address = _address(_text(original, "To"))
    if not (address or reference):
        return []
    return [Report(FeedbackKind.COMPLAINT, address, reference, when, "mailbox", detail=_text(block, "User-Agent"))]


def _blocks(part: EmailMessage) -> list[Message]:
    """The groups of fields in the part. Python parses them for delivery-status; feedback-report it leaves as text."""
    if isinstance(part.get_payload(), list):
        return list(cast(list[Message], part.get_payload()))
    raw = part.get_payload(decode=True)
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else ""
    return [email.message_from_string(block) for block in re.split(r"\r?\n\r?\n", text.strip()) if block.strip()]


def _original(parts: dict[str, EmailMessage]) -> Message | None:
    """The mail that was reported: whole, or its headers only (RFC 6522)."""
    if whole := parts.get("message/rfc822"):
        inner = whole.get_payload()
        return cast(Message, inner[0]) if isinstance(inner, list) and inner else None
    if headers := parts.get("text/rfc822-headers"):
        raw = headers.get_payload(decode=True)
        return email.message_from_bytes(raw) if isinstance(raw, bytes) else None
    return None


def _original_id(parts: dict[str, EmailMessage]) -> str:
    original = _original(parts)
    return _text(original, "Message-ID") if original else ""


def _text(block: Message, name: str) -> str:
    return " ".join(str(block.get(name, "")).split())


def _address(text: str) -> str:
    """The address of a field such as `rfc822; ada@example.com` or `Ada <ada@example.com>`."""
    address = text.rpartition(";")[2].strip()
    if "<" in address:
        address = address.rpartition("<")[2]
    address = address.strip("<> ")
    return address if "@" in address and len(address) <= 320 else ""


def _date(mail: EmailMessage) -> datetime:
    """When the report was written, unless it claims the future."""
    now = timezone.now()
    try:
        said = parsedate_to_datetime(str(mail.get("Date", "")))
    except ValueError:
        return now
    said = said if said.tzinfo else said.replace(tzinfo=UTC)
    return min(said, now)
