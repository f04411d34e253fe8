"""Typed rows out of JSON: a dataclass says what a row holds; the parser and the OpenAPI schema follow it.

A file reader may hand over times, dates and decimals that are typed already.
"""

import dataclasses
import types
import typing
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, TypeVar

from catalog.validation import IngestResult, Refused, RefusedRow

MAX_ROWS = 1000

Row = TypeVar("Row")
Convert = Callable[[Any], Any]


def load_rows(cls: type[Row], data: object, ingest: Callable[[Sequence[Row]], IngestResult]) -> IngestResult:
    """Parse one JSON object, or a list of up to 1,000, into `cls`; hand the good ones to `ingest`; merge the outcomes.

    Indexes in the result are those of the request. Raises Refused when the body as a whole makes no sense.
    """
    items = data if isinstance(data, list) else [data]
    if not items or len(items) > MAX_ROWS:
        raise Refused("bad_batch", f"Send one object or a list of 1 to {MAX_ROWS} objects; got {len(items)}.")
    rows: list[Row] = []
    places: list[int] = []
    refused: list[RefusedRow] = []
    for index, item in enumerate(items):
        try:
            rows.append(parse_row(cls, item))
            places.append(index)
        except Refused as error:
            refused.append(RefusedRow(index, error.reason, error.message))
    result = ingest(rows) if rows else IngestResult()
    refused.extend(RefusedRow(places[row.index], row.reason, row.message) for row in result.refused)
    result.refused = sorted(refused, key=lambda row: row.index)
    return result


def parse_row(cls: type[Row], data: object) -> Row:
    """Turn a JSON object into the dataclass `cls`. Raises Refused, naming the field."""
    if not isinstance(data, dict):
        raise Refused("bad_row", f"Expected an object, got {type(data).__name__}.")
    fields, required = _fields(typing.cast(typing.Hashable, cls))
    values = {}
    for name, value in data.items():
        if value is None:
            continue
        try:
            kind, convert = fields[name]
            values[name] = value if type(value) is kind else convert(value)
        except KeyError:
            raise Refused("unknown_field", f"Unknown field {name!r:.60}; known are {', '.join(fields)}.") from None
        except (TypeError, ValueError, InvalidOperation) as error:
            raise Refused(f"bad_{name}", f"{name}: {error}.") from None
    if not required <= values.keys():
        missing = next(name for name in fields if name in required and name not in values)
        raise Refused(f"missing_{missing}", f"{missing} is missing.")
    return cls(**values)


@cache
def _fields(cls: Any) -> tuple[dict[str, tuple[type | None, Convert]], frozenset[str]]:
    """Of each field the type that needs no conversion and the converter for others; and the names of required ones."""
    hints = typing.get_type_hints(cls)
    fields = {}
    for name in (field.name for field in dataclasses.fields(cls)):
        hint = _bare(hints[name])
        fields[name] = (hint if hint in _SCALARS else None, _converter(hint))
    required = frozenset(
        field.name
        for field in dataclasses.fields(cls)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    )
    return fields, required


def _bare(hint: Any) -> Any:
    """`X` for `X | None`."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return next(option for option in typing.get_args(hint) if option is not type(None))
    return hint


def _converter(hint: Any) -> Convert:
    if dataclasses.is_dataclass(hint):
        return lambda value: parse_row(typing.cast(type, hint), value)
    if typing.get_origin(hint) is tuple:
        inner = _converter(typing.get_args(hint)[0])
        return lambda value: tuple(inner(item) for item in _expect(value, list, "a list"))
    if typing.get_origin(hint) is dict:
        return lambda value: _expect(value, dict, "an object")
    return _SCALARS[hint]


def _expect(value: Any, kind: type, name: str) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"expected {name}")
    return value


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("expected a whole number")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("expected a number")
    return float(value)


def _decimal(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise TypeError("expected an amount such as 12.50")
    try:
        return Decimal(str(value))
    except InvalidOperation:
        raise ValueError("expected an amount such as 12.50") from None


def _datetime(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    try:
        return datetime.fromisoformat(_expect(value, str, "a time"))
    except (TypeError, ValueError):
        raise ValueError("expected a time such as 2026-01-31T12:00:00Z") from None


def _date(value: Any) -> date:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(_expect(value, str, "a date"))
    except (TypeError, ValueError):
        raise ValueError("expected a date such as 2026-01-31") from None


_SCALARS: dict[Any, Convert] = {
    str: lambda value: _expect(value, str, "text"),
    bool: lambda value: _expect(value, bool, "true or false"),
    int: _integer,
    float: _number,
    Decimal: _decimal,
    datetime: _datetime,
    date: _date,
}
_SCHEMAS: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    Decimal: {"type": "string", "format": "decimal", "example": "12.50"},
    datetime: {"type": "string", "format": "date-time"},
    date: {"type": "string", "format": "date"},
}

RESULT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "accepted": {"type": "integer", "description": "Rows that changed something."},
        "duplicates": {"type": "integer", "description": "Rows that were known already."},
        "refused": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "index": {"type": "integer"},
                    "reason": {"type": "string"},
                    "message": {"type": "string"},
                },
                "required": ["index", "reason", "message"],
            },
        },
    },
    "required": ["accepted", "duplicates", "refused"],
}


def request_schema(cls: type) -> dict[str, Any]:
    """The OpenAPI request body: one object, or a list of them."""
    row = _schema(cls)
    rows = {"type": "array", "items": row, "minItems": 1, "maxItems": MAX_ROWS}
    return {"application/json": {"oneOf": [row, rows]}}


def _schema(hint: Any) -> dict[str, Any]:
    if dataclasses.is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        required = [name for name in hints if name in _fields(typing.cast(typing.Hashable, hint))[1]]
        properties = {name: _schema(_bare(inner)) for name, inner in hints.items()}
        return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    if typing.get_origin(hint) is tuple:
        return {"type": "array", "items": _schema(typing.get_args(hint)[0])}
    if typing.get_origin(hint) is dict:
        return {"type": "object", "additionalProperties": True}
    return _SCHEMAS[hint]


def answer(result: IngestResult) -> tuple[dict[str, Any], int]:
    """The body and status of the response: 200, or 422 when no row at all was good."""
    body = dataclasses.asdict(result)
    nothing_good = bool(result.refused) and not result.accepted and not result.duplicates
    return body, 422 if nothing_good else 200
