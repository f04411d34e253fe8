"""What is known of customers and items, as arrays: ids and coarse attributes, nothing that names a person."""

from collections.abc import Mapping

import numpy as np
from django.conf import settings
from django.db import connection

from recommendations.export.arrays import Columns, copy_columns
from recommendations.ml.features import Features
from users.profiles.statement import PRESENT

# A number is SQL that may be NULL; a word is SQL that may be NULL or empty. Both read the relation of their table.
_CUSTOMER_NUMBERS = {
    "recency": "profile.recency_quintile",
    "frequency": "profile.frequency_quintile",
    "monetary": "profile.monetary_quintile",
    "price_band": "profile.price_band",
    "discount_affinity": "profile.discount_affinity",
    "log_orders": "ln(1 + profile.order_count)",
    "log_events": "ln(1 + profile.event_count)",
    "log_sessions": "ln(1 + profile.session_count)",
    "log_revenue": "ln(1 + greatest(profile.revenue, 0))",
}
_CUSTOMER_WORDS = {
    "country": "customer.country",
    "language": "customer.language",
    "lifecycle": "profile.lifecycle",
    "device": "profile.device",
    "favourite_category": "profile.favourite_categories[1]",
    "favourite_brand": "profile.favourite_brands[1]",
}
_CUSTOMERS = "users_customer AS customer LEFT JOIN users_profile AS profile ON profile.customer_id = customer.id"

_PRICE = "CASE WHEN item.currency = %(currency)s THEN item.price END"
_ITEM_NUMBERS = {
    "log_price": f"ln(1 + {_PRICE})",
    # Among the priced items of the same category: 1 is the dearest.
    "price_quantile": f"CASE WHEN {_PRICE} IS NOT NULL THEN cume_dist() OVER (PARTITION BY item.category_id,"
    f" {_PRICE} IS NULL ORDER BY {_PRICE}) END",
    "reduction": "CASE WHEN item.price < item.list_price THEN 1 - item.price / item.list_price ELSE 0 END",
    "is_sold": "(item.is_active AND coalesce(item.stock, 1) > 0)::int",
    "is_repurchasable": "item.is_repurchasable::int",
}
_ITEM_WORDS = {
    "brand": "item.brand",
    "category": "path.names[cardinality(path.names)]",
    "category_1": "path.names[1]",
    "category_2": "path.names[2]",
    "category_3": "path.names[3]",
}
# The path from the root; a loop of parents ends at the depth of 10.
_ITEMS = """
    catalog_item AS item LEFT JOIN (
        WITH RECURSIVE climbed AS (
            SELECT id, parent_id, ARRAY[external_id::text] AS names FROM catalog_category
            UNION ALL
            SELECT climbed.id, parent.parent_id, parent.external_id::text || climbed.names
            FROM climbed JOIN catalog_category AS parent ON parent.id = climbed.parent_id
            WHERE cardinality(climbed.names) < 10
        ) SELECT DISTINCT ON (id) id, names FROM climbed ORDER BY id, cardinality(names) DESC
    ) AS path ON path.id = item.category_id"""


def export_customers() -> Features:
    """Every customer who was neither erased nor joined to another. Memory is about 200 bytes a customer."""
    return _export("customer", _CUSTOMERS, PRESENT, _CUSTOMER_NUMBERS, _CUSTOMER_WORDS)


def export_items() -> Features:
    """Every item, on sale or not, with its path of categories (root first) by the shop's ids."""
    return _export("item", _ITEMS, "TRUE", _ITEM_NUMBERS, _ITEM_WORDS)


def _export(row: str, source: str, condition: str, numbers: Mapping[str, str], words: Mapping[str, str]) -> Features:
    known = {name: _distinct(word, f"{source} WHERE {condition}") for name, word in words.items()}
    selected = [
        f"{row}.id",
        *(f"coalesce(({number})::real, 'NaN') AS {name}" for name, number in numbers.items()),
        *(f"coalesce({name}_words.code, 0) - 1 AS {name}" for name in words),
    ]
    joins = " ".join(
        f"LEFT JOIN unnest(%({name})s::text[]) WITH ORDINALITY AS {name}_words (word, code)"
        f" ON {name}_words.word = {word}"
        for name, word in words.items()
    )
    columns = copy_columns(
        f"SELECT {', '.join(selected)} FROM {source} {joins} WHERE {condition} ORDER BY {row}.id",
        {"id": "bigint", **dict.fromkeys(numbers, "real"), **dict.fromkeys(words, "integer")},
        {"currency": settings.SHOP_CURRENCY, **known},
    )
    return Features(
        ids=columns["id"],
        numbers=_matrix(columns, numbers, np.float32),
        number_names=tuple(numbers),
        codes=_matrix(columns, words, np.int32),
        code_names=tuple(words),
        words=tuple(tuple(known[name]) for name in words),
    )


def _matrix(columns: Columns, names: Mapping[str, str], dtype: type[np.generic]) -> np.ndarray:
    """The named columns side by side: [n, len(names)]."""
    matrix = np.empty((len(columns["id"]), len(names)), dtype=dtype)
    for place, name in enumerate(names):
        matrix[:, place] = columns.pop(name)
    return matrix


def _distinct(word: str, rows: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT DISTINCT {word} AS word FROM {rows} AND {word} <> '' ORDER BY word")
        return [value for (value,) in cursor.fetchall()]
