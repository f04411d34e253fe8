"""Where data of customers lies. Each app declares its own tables when it starts, and a test finds those left out.

This app may not import the apps above it, so they come here: `register` in `AppConfig.ready`.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db.models import Model, QuerySet

CHUNK = 2_000  # rows in memory at once


@dataclass(frozen=True, slots=True)
class Person:
    """Everything that is one person: the customer's row and those merged into it, and the texts that name them.

    `texts` are ids, addresses and phone numbers, which identify wherever they stand; `names` do not by themselves.
    """

    ids: tuple[int, ...]
    texts: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    external_ids: tuple[str, ...] = ()
    anonymous_ids: tuple[str, ...] = ()
    email_hashes: tuple[str, ...] = ()

    @property
    def is_erased(self) -> bool:
        """A customer without any id was erased."""
        return not (self.external_ids or self.anonymous_ids)


Rows = Callable[[Person], Iterable[dict[str, Any]]]
Erase = Callable[[Person], int]


@dataclass(frozen=True, slots=True)
class Holding:
    """One table with data of customers: how it is emptied, and, unless it only repeats others, how it is exported.

    `erase` deletes or anonymises the person's rows, in the caller's transaction, and returns how many. `section` names
    the list in the exported file.
    """

    model: type[Model]
    erase: Erase
    section: str = ""
    rows: Rows | None = None


_holdings: dict[str, Holding] = {}


def register(model: str, *, erase: Erase, section: str = "", rows: Rows | None = None) -> None:
    """Declare the table of `model` ("app_label.Model"). Apps register in their order of dependence."""
    found = apps.get_model(model)
    _holdings[found._meta.label] = Holding(found, erase, section, rows)


def holdings() -> list[Holding]:
    """All tables, in the order of registration. Erasing goes the other way: what refers before what is referred to."""
    return list(_holdings.values())


def fields(model: str, *names: str, customer: str = "customer", **renamed: str) -> Rows:
    """The person's rows of `model` with the fields `names`, and others under a name of their own, by primary key."""

    def rows(person: Person) -> Iterator[dict[str, Any]]:
        table = apps.get_model(model)._default_manager.filter(**{f"{customer}__in": person.ids}).order_by("pk")
        paths = {**{name: name for name in names}, **renamed}
        for values in table.values_list(*paths.values()).iterator(chunk_size=CHUNK):
            yield dict(zip(paths, values, strict=True))

    return rows


def delete(model: str, *, customer: str = "customer") -> Erase:
    """Erase by deleting the person's rows of `model`."""
    return lambda person: _delete(apps.get_model(model)._default_manager.filter(**{f"{customer}__in": person.ids}))


def _delete(rows: QuerySet[Any]) -> int:
    return rows.delete()[0]


def blank(model: str, *, customer: str = "customer", **values: Any) -> Erase:
    """Erase by setting columns of the person's rows of `model`, so that the rows still count."""
    return lambda person: (
        apps.get_model(model)._default_manager.filter(**{f"{customer}__in": person.ids}).update(**values)
    )


def mentions(texts: Sequence[str]) -> str:
    """A regular expression, for PostgreSQL and Python, that finds any of `texts` standing by itself.

    Ids may be short: `c1` is found in `order-c1`, not in `c12`. Without texts it matches nothing.
    """
    return f"(^|[^A-Za-z0-9])({'|'.join(map(re.escape, texts))})([^A-Za-z0-9]|$)" if texts else "a^"
