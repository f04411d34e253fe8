"""A piece of SQL that carries its own parameters, so that pieces can be put together in any order."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Sql:
    """SQL text with one `%s` for each of its parameters."""

    text: str
    params: tuple[Any, ...] = ()


def sql(template: str, *values: Any) -> Sql:
    """`template` with each `{}` replaced: by the piece where the value is one, else by a bound parameter."""
    pieces = [value if isinstance(value, Sql) else Sql("%s", (_bindable(value),)) for value in values]
    params = tuple(param for piece in pieces for param in piece.params)
    return Sql(template.format(*(piece.text for piece in pieces)), params)


def joined(separator: str, pieces: Iterable[Sql]) -> Sql:
    """The pieces behind each other."""
    listed = list(pieces)
    return Sql(
        separator.join(piece.text for piece in listed), tuple(param for piece in listed for param in piece.params)
    )


def _bindable(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
