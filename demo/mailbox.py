"""Received mails, one `.eml` file each. Its name holds time and address, so that searching opens no file."""

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from html import unescape
from pathlib import Path
from urllib.parse import quote, unquote

_GLANCE_BYTES = 32_768
_PREVIEW_LENGTH = 140
_UNSEEN = re.compile(r"<!--.*?-->|<(head|style|script|title)\b.*?</\1>", re.DOTALL | re.IGNORECASE)
_TAGS = re.compile(r"<[^>]*>?")
_FILLERS = dict.fromkeys([0x34F, 0xAD, 0x200B, 0x200C, 0x200D, 0xFEFF])  # invisible characters that pad a preview
_ADDRESS_LENGTH = 180


class Mailbox:
    """The folder `directory`. Writing is atomic: a reader never sees half a mail."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._last_time = 0

    def store(self, *, recipient: str, sender: str, content: bytes) -> Path:
        """Keep one delivery, with the envelope's addresses as headers on top."""
        self._last_time = max(time.time_ns(), self._last_time + 1)
        name = f"{self._last_time:019d}-{quote(recipient.lower(), safe='@+')[:_ADDRESS_LENGTH]}.eml"
        envelope = f"Return-Path: <{sender}>\r\nDelivered-To: {recipient}\r\n".encode("ascii", "backslashreplace")
        half = self.directory / f".{name}"
        half.write_bytes(envelope + content)
        return half.rename(self.directory / name)

    def names(self, *, address: str = "") -> list[str]:
        """The names of all mails whose recipient contains `address`, newest first."""
        if not self.directory.is_dir():
            return []
        wanted = address.strip().lower()
        found = (path.name for path in self.directory.iterdir() if path.suffix == ".eml" and path.name[0] != ".")
        return sorted((name for name in found if wanted in recipient_of(name)), reverse=True)

    def read(self, name: str) -> EmailMessage:
        """The whole mail. Raises FileNotFoundError for any name that is not in the mailbox."""
        return _parse(self._path(name).read_bytes())

    def glance(self, name: str) -> "Glance":
        """What a list shows of a mail, from its first bytes."""
        with self._path(name).open("rb") as file:
            mail = _parse(file.read(_GLANCE_BYTES))
        return Glance(
            name, received_at(name), recipient_of(name), str(mail["From"]), str(mail["Subject"]), _start(mail)
        )

    def _path(self, name: str) -> Path:
        if name != Path(name).name or not name.endswith(".eml") or name.startswith("."):
            raise FileNotFoundError(name)
        return self.directory / name


@dataclass(frozen=True)
class Glance:
    """One line of the inbox."""

    name: str
    received_at: datetime
    recipient: str
    sender: str
    subject: str
    preview: str


def recipient_of(name: str) -> str:
    """The address that the mail called `name` was delivered to, in lower case."""
    return unquote(name.split("-", 1)[-1].removesuffix(".eml"))


def received_at(name: str) -> datetime:
    """When the mail called `name` came in."""
    return datetime.fromtimestamp(int(name.split("-", 1)[0]) / 1e9, tz=UTC)


def body_of(mail: EmailMessage, kind: str) -> str:
    """The mail's `html` or `plain` part, or an empty string."""
    part = mail.get_body(preferencelist=(kind,))
    return str(part.get_content()) if part is not None else ""


def _parse(content: bytes) -> EmailMessage:
    return BytesParser(policy=policy.default).parsebytes(content)


def _start(mail: EmailMessage) -> str:
    """What a mail client shows beside the subject: the first words of the HTML, else of the plain text."""
    html = body_of(mail, "html")
    text = unescape(_TAGS.sub(" ", _UNSEEN.sub(" ", html))) if html else body_of(mail, "plain")
    return " ".join(text.translate(_FILLERS).split())[:_PREVIEW_LENGTH]
