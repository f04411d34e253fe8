"""Which items a page wants to show."""

from dataclasses import dataclass
from decimal import Decimal

from django.db import connection
from django.db.models import Q, QuerySet

from catalog.models import Item

_WITH_CHILDREN = """
WITH RECURSIVE chosen AS (
    SELECT id FROM catalog_category WHERE external_id = ANY(%s)
    UNION
    SELECT child.id FROM catalog_category AS child JOIN chosen ON child.parent_id = chosen.id
) SELECT id FROM chosen
"""
# Descriptions and attributes are long, and no list shows them.
_SHOWN = (
    *("external_id", "title", "price", "list_price", "currency", "url", "image_url", "brand", "category_id"),
    *("stock", "is_active", "is_repurchasable"),
)


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
        """The items that may be shown, with the columns that are shown."""
        allowed = Q(is_active=True) & (Q(stock__isnull=True) | Q(stock__gt=0))
        if self.categories:
            with connection.cursor() as cursor:
                cursor.execute(_WITH_CHILDREN, [list(self.categories)])
                allowed &= Q(category__in=[row[0] for row in cursor.fetchall()])
        if self.brands:
            allowed &= Q(brand__in=self.brands)
        if self.min_price is not None:
            allowed &= Q(price__gte=self.min_price)
        if self.max_price is not None:
            allowed &= Q(price__lte=self.max_price)
        items = Item.objects.filter(allowed).only(*_SHOWN)
        return items.exclude(external_id__in=self.exclude) if self.exclude else items
