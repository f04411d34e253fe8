"""From the cells of a file to the values that a row type takes."""

import dataclasses
import hashlib
import json
import types
import typing
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from catalog.validation import Refused

_TRUE = frozenset({"true", "yes", "1", "t", "y"})
_FALSE = frozenset({"false", "no", "0", "f", "n"})


def convert_row(
    row: dict[str, Any], *, cls: type, columns: dict[str, str], zone: ZoneInfo, own_id: str | None
) -> dict[str, Any]:
    """The row with our names and types. `columns` maps the file's columns to our fields; other columns are left out.

    Empty cells count as not given, and times without an offset are of `zone`. Raises Refused, naming the field.
    """
    kinds = field_kinds(cls)
    values: dict[str, Any] = {}
    for column, cell in row.items():
        field = columns.get(column)
        if field is None or cell is None or cell == "":
            continue
        values[field] = _convert(field, kinds[field], cell, zone)
    if own_id is not None and own_id not in values:
        values[own_id] = _content_id(values)
    return values


@cache
def field_kinds(cls: Any) -> dict[str, Any]:
    """Each field's type, without `| None`."""
    kinds = {}
    for name, hint in typing.get_type_hints(cls).items():
        options = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
        kinds[name] = next(option for option in options if option is not type(None))
    return {field.name: kinds[field.name] for field in dataclasses.fields(cls)}


def _convert(field: str, kind: Any, cell: Any, zone: ZoneInfo) -> Any:
    if kind is datetime:
        return _time(field, cell, zone)
    if not isinstance(cell, str):
        return str(cell) if kind is str else cell
    parse = _PARSERS.get(typing.get_origin(kind) or kind)
    try:
        return parse(cell.strip()) if parse else cell
    except (ValueError, ArithmeticError):
        raise Refused(f"bad_{field}", f"{field}: {cell!r:.60} is not a {getattr(kind, '__name__', 'value')}.") from None


def _truth(cell: str) -> bool:
    word = cell.lower()
    if word not in _TRUE | _FALSE:
        raise ValueError(cell)
    return word in _TRUE


_PARSERS: dict[Any, Callable[[str], Any]] = {
    int: int,
    float: float,
    Decimal: Decimal,
    bool: _truth,
    dict: json.loads,
    tuple: json.loads,
}


def _time(field: str, cell: Any, zone: ZoneInfo) -> datetime:
    try:
        time = cell if isinstance(cell, datetime) else datetime.fromisoformat(str(cell).strip())
    except ValueError:
        raise Refused(f"bad_{field}", f"{field}: {cell!r:.60} is not a time such as 2026-01-31T12:00:00Z.") from None
    return time if time.tzinfo else time.replace(tzinfo=zone)


def _content_id(values: dict[str, Any]) -> str:
    """An id that is the same for the same row, so that importing a file twice counts nothing twice."""
    text = json.dumps(values, sort_keys=True, default=str)
    return f"file:{hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()}"
