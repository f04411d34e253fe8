"""The bytes of a mail: multipart/alternative with plain text and HTML (RFC 5322, 2045-2047).

Building a mail with `email.message` costs more than a millisecond; everything but the recipient's own lines is the
same for a whole run, so it is put together once. Every value that varies is freed of line breaks, so that no name or
subject can add a header.
"""

import base64
import binascii
import re
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.header import Header
from email.utils import format_datetime, formataddr, parseaddr
from functools import lru_cache

from notifications.channels.base import BadAddressError, Envelope, Mailing
from notifications.channels.email.dkim import DkimSigner

# "=_" never occurs in quoted-printable or base64 text (RFC 2045 §6.7), so this boundary is in no body.
BOUNDARY = "=_apropos_=_"
_CONTROLS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
_ADDRESS = re.compile(r"[^\s@<>(),;:\\\"\[\]]+@[^\s@<>(),;:\\\"\[\]]+")
_LINE_END = re.compile(r"\r\n?|\n")
_LEADING_DOTS = re.compile(rb"^\.{1,24}", re.MULTILINE)  # SMTP would have to double them
_FOLD_AT = 76
_WORD_BYTES = 36  # 48 characters of base64 and 12 of markup leave room for a header of 15
_REMEMBER = 20_000  # characters


def header_text(text: str, *, name_length: int = 0) -> str:
    """`text` as the value of a header: one line, folded, encoded by RFC 2047 where it is not plain ASCII.

    `name_length` is the length of the header's name, so that the first line is folded in time.
    """
    line = " ".join(_CONTROLS.sub(" ", text).split())
    if line.isascii() and "=?" not in line and len(line) + name_length <= _FOLD_AT:
        return line
    if line.isascii() and "=?" not in line:
        return Header(line, "us-ascii", maxlinelen=_FOLD_AT, header_name="x" * name_length).encode(linesep="\r\n")
    return "\r\n ".join(f"=?utf-8?b?{base64.b64encode(word).decode()}?=" for word in _words(line))


def _words(line: str) -> Iterator[bytes]:
    """UTF-8 in pieces that fit an encoded word, none of which parts a character (RFC 2047 §5)."""
    word = b""
    for character in line:
        encoded = character.encode("utf-8", "replace")
        if len(word) + len(encoded) > _WORD_BYTES:
            yield word
            word = b""
        word += encoded
    if word:
        yield word


def wire_address(address: str) -> str:
    """`address` as SMTP carries it, its domain in IDNA. Raises BadAddressError when it is none."""
    address = address.strip()
    if len(address) > 254 or not _ADDRESS.fullmatch(address):
        raise BadAddressError("The address is not an e-mail address.")
    local, _, domain = address.rpartition("@")
    if not local.isascii():
        raise BadAddressError("The part of the address before the @ has letters that plain SMTP cannot carry.")
    try:
        return f"{local}@{domain.encode('idna').decode()}"
    except UnicodeError as error:
        raise BadAddressError(f"The domain of the address is not valid ({error}).") from error


def body_part(pieces: Sequence[str], *, subtype: str) -> bytes:
    """One part of the mail with its headers. Mostly-ASCII text stays readable; the rest is shorter in base64."""
    text = "".join(pieces)
    data = text.encode("utf-8", "replace")
    if len(data) < len(text) * 1.2:
        encoding = "quoted-printable"
        body = b"".join([_remembered(piece) if len(piece) < _REMEMBER else _quoted(piece) for piece in pieces])
    else:
        encoding = "base64"
        body = _base64(_LINE_END.sub("\r\n", text).encode("utf-8", "replace"))
    head = f'Content-Type: text/{subtype}; charset="utf-8"\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n'
    return head.encode() + body


def _quoted(piece: str) -> bytes:
    """`piece` in quoted-printable, ended by a soft line break so that another can follow."""
    data = (_LINE_END.sub("\n", piece) if "\r" in piece else piece).encode("utf-8", "replace")
    encoded = binascii.b2a_qp(data)
    if encoded.startswith(b".") or b"\n." in encoded:
        encoded = _LEADING_DOTS.sub(lambda dots: b"=2E" * len(dots[0]) + b"=\n", encoded)
    encoded = encoded.replace(b"\n", b"\r\n")
    return encoded if encoded.endswith(b"\r\n") or not encoded else encoded + b"=\r\n"


# What is common to many mails is encoded once; what is not falls out again.
_remembered = lru_cache(maxsize=2048)(_quoted)


def _base64(data: bytes) -> bytes:
    encoded = binascii.b2a_base64(data, newline=False)
    return b"\r\n".join([encoded[start : start + _FOLD_AT] for start in range(0, len(encoded), _FOLD_AT)]) + b"\r\n"


class MailTemplate:
    """The mails of one run. `build` adds what differs from one to the next."""

    def __init__(self, mailing: Mailing, *, sender: str, signer: DkimSigner | None = None) -> None:
        name, address = parseaddr(sender)
        self.sender = wire_address(address)
        self.domain = self.sender.rpartition("@")[2]
        self.mailing = mailing
        self._signer = signer
        self._common = "".join(
            (
                f"From: {formataddr((_CONTROLS.sub(' ', name), self.sender), 'utf-8')}\r\n",
                "MIME-Version: 1.0\r\n",
                f'Content-Type: multipart/alternative; boundary="{BOUNDARY}"\r\n',
                # One-click unsubscribing (RFC 8058) asks for both List-Unsubscribe headers.
                "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
                # Gmail groups complaints by it; campaign, run and sender, never the recipient.
                f"Feedback-ID: c{mailing.campaign_id}:r{mailing.run_id}:marketing:apropos\r\n",
            )
        )
        self._date = (0, "")

    def provider_id(self, message_id: int) -> str:
        """The Message-ID. It is the same if a message is deliberately sent again, so mailboxes can tell."""
        return f"<{message_id}.{self.mailing.token}@{self.domain}>"

    def build(self, envelope: Envelope, *, address: str) -> bytes:
        """The mail as it goes over the wire; `address` comes from `wire_address`. No line begins with a dot."""
        headers = (
            f"{self._common}To: {address}\r\n"
            f"Subject: {header_text(envelope.subject, name_length=9)}\r\n"
            f"Date: {self._now()}\r\n"
            f"Message-ID: {self.provider_id(envelope.message_id)}\r\n"
            f"List-Unsubscribe: <{_CONTROLS.sub('', envelope.unsubscribe_url)}>\r\n"
        ).encode()
        edge = f"--{BOUNDARY}\r\n".encode()
        body = b"".join(
            (
                edge,
                body_part(envelope.text, subtype="plain"),
                b"\r\n",
                edge,
                body_part(envelope.html, subtype="html"),
                f"\r\n--{BOUNDARY}--\r\n".encode(),
            )
        )
        signature = self._signer.header(headers, body) if self._signer else b""
        return b"".join((signature, headers, b"\r\n", body))

    def _now(self) -> str:
        second = int(time.time())
        if self._date[0] != second:
            self._date = (second, format_datetime(datetime.fromtimestamp(second, UTC)))
        return self._date[1]
