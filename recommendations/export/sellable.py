"""Which items may be recommended, and to whom again."""

from django.db import connection


def recommendable_items() -> list[int]:
    """Ids of the items that may be recommended: on sale, and in stock where the shop counts it."""
    return _ids("is_active AND price >= 0 AND coalesce(stock, 1) > 0")


def not_repurchasable_items() -> list[int]:
    """Ids of the items that nobody buys twice."""
    return _ids("NOT is_repurchasable")


def _ids(condition: str) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM catalog_item WHERE {condition} ORDER BY id")
        return [item_id for (item_id,) in cursor.fetchall()]
