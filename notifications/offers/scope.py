"""Which lines of a cart an offer is about.

A scope is `{"include": {...}, "exclude": {...}}`, each with lists `items`, `categories` and `brands` (the shop's own
ids and names). A line is covered when it fits any of the included and none of the excluded; nothing included means
everything. A category stands for those below it, too.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.db import connection

from notifications.models import Offer
from notifications.offers.cart import Cart, CartLine

SIDES = ("include", "exclude")
KINDS = ("items", "categories", "brands")

_DESCRIBE = """
WITH RECURSIVE named AS (
    SELECT external_id, brand, category_id FROM catalog_item WHERE external_id = ANY(%s)
), above AS (
    SELECT category.id AS lowest, category.external_id, category.parent_id
    FROM catalog_category category WHERE category.id IN (SELECT category_id FROM named)
    UNION
    SELECT above.lowest, category.external_id, category.parent_id
    FROM catalog_category category JOIN above ON category.id = above.parent_id
)
SELECT named.external_id, named.brand,
       ARRAY(SELECT above.external_id FROM above WHERE above.lowest = named.category_id)
FROM named
"""


def covers(scope: Mapping[str, Any], line: CartLine) -> bool:
    """Whether an offer of this scope is about `line`."""
    included = scope.get("include") or {}
    return (not any(included.values()) or _fits(included, line)) and not _fits(scope.get("exclude") or {}, line)


def _fits(side: Mapping[str, Any], line: CartLine) -> bool:
    return (
        line.item_id in side.get("items", ())
        or (bool(line.brand) and line.brand in side.get("brands", ()))
        or not line.categories.isdisjoint(side.get("categories", ()))
    )


def is_limited(offer: Offer) -> bool:
    """Whether the offer is about some items only, so that it needs to know the lines."""
    return any(names for side in SIDES for names in (offer.scope.get(side) or {}).values())


def describe_lines(cart: Cart) -> Cart:
    """The cart with brand and categories of each line, as the catalogue has them."""
    if not cart.lines:
        return cart
    with connection.cursor() as cursor:
        cursor.execute(_DESCRIBE, [[line.item_id for line in cart.lines]])
        known = {item_id: (brand, frozenset(categories)) for item_id, brand, categories in cursor.fetchall()}
    lines = []
    for line in cart.lines:
        brand, categories = known.get(line.item_id, ("", frozenset[str]()))
        lines.append(replace(line, brand=brand, categories=categories))
    return replace(cart, lines=tuple(lines))
