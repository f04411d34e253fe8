"""Examples of rows, fit to be shown: short, and with nothing personal in them."""

import re
from typing import Any

from catalog.tally import Tally
from catalog.validation import RefusedRow

LONGEST = 120  # characters shown of a value

# What these fields hold is about a person: only its shape is shown, which is what tells why it was refused.
_PERSONAL = frozenset({"email", "phone", "first_name", "last_name", "birth_date", "attributes", "context", "consents"})
_LETTER = re.compile(r"[^\W\d_]")
_DIGIT = re.compile(r"\d")
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+")
_TIME_REASONS = frozenset({"in_the_future", "too_old", "before_shop_opened"})
_IDS = ("message_id", "order_id", "external_id")


def shown(field: str, value: Any) -> str:
    """The value as staff may read it: personal fields and e-mail addresses as their shape only (`xxx@xxx.xx`)."""
    text = "—" if value is None or value == "" else str(value)
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}…"
    text = text.encode(errors="replace").decode().replace("\x00", "␀")
    if field in _PERSONAL:
        return _shape(text)
    return _EMAIL.sub(lambda match: _shape(match[0]), text) if "@" in text else text


def _shape(text: str) -> str:
    return _DIGIT.sub("9", _LETTER.sub("x", text))


def note_refusal(tally: Tally, row: Any, refused: RefusedRow) -> None:
    """Count a row that was not taken, and keep it as an example: its id, and the value that was wrong."""
    reference = next((shown("id", value) for name in _IDS if (value := getattr(row, name, ""))), "")
    field = _field(row, refused.reason)
    value = refused.message if field is None else f"{field}: {shown(field, getattr(row, field))}"
    tally.note(refused.reason, reference, shown("message", value) if field is None else value)


def _field(row: Any, reason: str) -> str | None:
    """The field that a reason is about, if the row has it."""
    if reason in _TIME_REASONS:
        names: tuple[str, ...] = ("occurred_at", "placed_at")
    else:
        names = (reason.partition("_")[2],)
    return next((name for name in names if name and hasattr(row, name)), None)
