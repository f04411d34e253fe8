"""Single values as tracking clients send them: numbers as ids, times in two notations, amounts as text."""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any

from catalog.validation import is_currency
from users.ingestion.cleaning import mend_id


def read_id(value: Any) -> str:
    """`read_key` of a person or a thing, mended as everywhere, so that the same id meets itself."""
    return mend_id(read_key(value))


def read_key(value: Any) -> str:
    """Text, or a whole number as text; '' for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value)


def read_text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def read_object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def read_time(value: Any) -> datetime | None:
    """An ISO 8601 time or milliseconds since 1970; without an offset it is UTC. None when it is neither."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return datetime.fromtimestamp(value / 1000, tz=UTC)
        except (OverflowError, ValueError, OSError):
            return None
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def read_number(value: Any) -> float | None:
    """A finite number, also one that is given as text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if isfinite(number) else None


def read_quantity(value: Any) -> int | None:
    """A whole number; None where nothing is given, and 0 for what is no quantity."""
    if value is None or value == "":
        return None
    number = read_number(value)
    return int(number) if number is not None and number >= 1 else 0


def read_money(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str) or value == "":
        return None
    try:
        return Decimal(str(value).strip())
    except (InvalidOperation, ValueError):
        return None


def read_currency(properties: dict[str, Any], default: str) -> str:
    """The currency of these properties; the shop's own where they name none that exists."""
    code = read_text(properties.get("currency")).upper()
    return code if is_currency(code) else default
