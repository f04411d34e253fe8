"""Which items a page wants to show."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL

from catalog.models import Item
from recommendations.serving.shown import Shown

_WITH_CHILDREN = """
WITH RECURSIVE chosen AS (
    SELECT id FROM catalog_category WHERE external_id = ANY(%s)
    UNION
    SELECT child.id FROM catalog_category AS child JOIN chosen ON child.parent_id = chosen.id
) SELECT id FROM chosen
"""
_BOUGHT = "SELECT item.*, item.pk IN (SELECT apropos_bought(%s, %s)) FROM ({sellable}) AS item"
_NAMED = f"SELECT id, {', '.join(Shown._fields[1:])}, NULL FROM catalog_item WHERE id = ANY(%s)"


@dataclass(frozen=True, slots=True)
class Sellable:
    """items: those that may be shown, by id; bought: those of them that the customer has ever bought; named: those
    that are only mentioned, whether they can be sold or not.
    """

    items: dict[int, Shown]
    bought: set[int]
    named: dict[int, Shown]

    def __or__(self, other: "Sellable") -> "Sellable":
        return Sellable(self.items | other.items, self.bought | other.bought, self.named | other.named)


@dataclass(frozen=True, slots=True)
class Rules:
    """What every shown item must fulfil besides being on sale and in stock.

    categories: ids of the shop, their subcategories included; brands: names; prices in the shop's currency;
    exclude: the shop's ids of items not to show; new_only: nothing that the customer bought before. diversity: from 0
    (the best, however alike) to 1. explore: whether items that hardly anybody knows get a place.
    """

    categories: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()
    min_price: Decimal | None = None
    max_price: Decimal | None = None
    exclude: tuple[str, ...] = ()
    new_only: bool = False
    diversity: float = 0.1
    explore: bool = True

    @property
    def narrow(self) -> bool:
        """Whether most items may fail."""
        return bool(self.categories or self.brands or self.min_price is not None or self.max_price is not None)

    def sellable(self) -> QuerySet[Item]:
        """The items that may be shown."""
        allowed = Q(is_active=True) & (Q(stock__isnull=True) | Q(stock__gt=0))
        if self.categories:
            allowed &= Q(category__in=RawSQL(_WITH_CHILDREN, [list(self.categories)]))  # noqa: S611
        if self.brands:
            allowed &= Q(brand__in=self.brands)
        if self.min_price is not None:
            allowed &= Q(price__gte=self.min_price)
        if self.max_price is not None:
            allowed &= Q(price__lte=self.max_price)
        items = Item.objects.filter(allowed)
        return items.exclude(external_id__in=self.exclude) if self.exclude else items

    def sellable_among(self, ids: Iterable[int]) -> dict[int, Shown]:
        """Those of the items that may be shown, by id, in no order."""
        sellable, values = self._statement()
        return {item.pk: item for item in map(Shown._make, _rows(sellable, (*values, list(ids))))}

    def sellable_to(self, customer_id: int, ids: Iterable[int], *, named: Iterable[int]) -> Sellable:
        """Those of the items that may be shown to a customer, and the `named` ones; one query."""
        wanted = list(ids)
        sellable, values = self._statement()
        rows = _rows(
            f"{_BOUGHT.format(sellable=sellable)} UNION ALL {_NAMED}",
            (customer_id, wanted, *values, wanted, list(named)),
        )
        return Sellable(
            items={row[0]: Shown._make(row[:-1]) for row in rows if row[-1] is not None},
            bought={row[0] for row in rows if row[-1]},
            named={row[0]: Shown._make(row[:-1]) for row in rows if row[-1] is None},
        )

    @lru_cache(256)  # noqa: B019 - rules are small, and the same for most pages
    def _statement(self) -> tuple[str, tuple[Any, ...]]:
        """The SQL of `sellable`, with a last parameter for the ids to choose from, and its other parameters.

        Kept, because Django takes longer to write it than the database to answer.
        """
        statement, values = self.sellable().values(*Shown._fields).query.sql_with_params()
        return f'{statement} AND "catalog_item"."id" = ANY(%s)', values


def _rows(statement: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()
