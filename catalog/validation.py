"""What every way in shares: the refusal of a row, the outcome of a batch, and the checks of ids and money."""

import json
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any

import orjson

MAX_ID_LENGTH = 255
MAX_PRICE = Decimal("9999999999.99")


class Refused(Exception):  # noqa: N818
    """This row is not taken."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that was not taken: its place in the batch (from 0), a stable reason, and a sentence for people."""

    index: int
    reason: str
    message: str


@dataclass(slots=True)
class IngestResult:
    """`accepted` rows changed something; `duplicates` were known already; `refused` were not taken."""

    accepted: int = 0
    duplicates: int = 0
    refused: list[RefusedRow] = field(default_factory=list)

    def add(self, other: "IngestResult") -> None:
        """Add the counts of `other`, whose indexes must already be those of the whole batch."""
        self.accepted += other.accepted
        self.duplicates += other.duplicates
        self.refused.extend(other.refused)


def check_id(value: object, field: str) -> str:
    """A non-empty id of at most 255 characters without NUL (which PostgreSQL cannot store)."""
    if (
        type(value) is str
        and value.isascii()
        and value.isprintable()
        and 0 < len(value) <= MAX_ID_LENGTH
        and value[0] != " "
    ):
        return value  # nearly all are like this
    if not isinstance(value, str) or not value.strip():
        raise Refused(f"missing_{field}", f"{field} is missing.")
    if len(value) > MAX_ID_LENGTH:
        raise Refused(f"bad_{field}", f"{field} is longer than {MAX_ID_LENGTH} characters.")
    return check_text(value, field)


def check_text(value: str, field: str, limit: int | None = None) -> str:
    """Text that PostgreSQL can store: no NUL, no lone surrogate, and no more than `limit` characters."""
    if limit is not None and len(value) > limit:
        raise Refused(f"bad_{field}", f"{field} is longer than {limit} characters.")
    if "\x00" in value:
        raise Refused(f"bad_{field}", f"{field} contains a NUL character.")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Refused(f"bad_{field}", f"{field} contains half a character (a lone surrogate).") from None
    return value


def check_money(value: Decimal, field: str) -> Decimal:
    """A finite, non-negative amount that fits the column."""
    if not isinstance(value, Decimal) or not value.is_finite() or value < 0 or value > MAX_PRICE:
        raise Refused(f"bad_{field}", f"{field} must be an amount from 0 to {MAX_PRICE}.")
    return value


@lru_cache(maxsize=1024)
def is_currency(code: str) -> bool:
    """Whether `code` has the form of an ISO 4217 code."""
    return len(code) == 3 and code.isascii() and code.isalpha() and code.isupper()


def check_currency(code: str) -> str:
    if not is_currency(code):
        raise Refused("bad_currency", f"currency must be an ISO 4217 code such as EUR, not {code!r:.40}.")
    return code


def json_text(value: dict[str, Any] | None, field: str) -> str | None:
    """A JSON object as text that PostgreSQL takes: finite numbers, no NUL."""
    if value is None:
        return None
    try:
        text = orjson.dumps(value).decode()
    except TypeError:  # half an emoji, a number above 64 bits, or no JSON at all
        text = _strict_json_text(value, field)
    else:
        if "null" in text:  # may have been NaN
            text = _strict_json_text(value, field)
    if "\\u0000" in text:
        raise Refused(f"bad_{field}", f"{field} contains a NUL character.")
    return text


def _strict_json_text(value: dict[str, Any], field: str) -> str:
    try:
        return check_text(json.dumps(value, allow_nan=False, ensure_ascii=False), field)
    except (TypeError, ValueError, RecursionError) as error:
        raise Refused(f"bad_{field}", f"{field} is not valid JSON: {error}.") from None
