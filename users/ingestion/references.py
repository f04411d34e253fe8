"""Rows for customers and items that events name before the shop has described them."""

from django.db import connection

from catalog.models import shop_currency


def add_missing_customers(table: str) -> None:
    """Create the customers that `customer_ref` in the staged `table` names and nobody has described yet."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO users_customer (external_id, email, email_hash, phone, first_name, last_name, language, country,
                                        time_zone, attributes, created_at, updated_at)
            SELECT ref, '', '', '', '', '', '', '', '', '{{}}', now(), now()
            FROM (SELECT DISTINCT customer_ref AS ref FROM pg_temp.{table}) AS named
            WHERE NOT EXISTS (SELECT FROM users_customer WHERE external_id = ref)
            ORDER BY ref
            ON CONFLICT (external_id) DO NOTHING
            """
        )


def add_missing_items(table: str) -> int:
    """Create the items that `item_ref` in the staged `table` names, off sale until the catalogue describes them.

    Returns how many were new.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO catalog_item (external_id, title, description, brand, currency, is_active, is_repurchasable,
                                      url, image_url, attributes, created_at, updated_at)
            SELECT ref, ref, '', '', %s, FALSE, TRUE, '', '', '{{}}', now(), now()
            FROM (SELECT DISTINCT item_ref AS ref FROM pg_temp.{table} WHERE item_ref IS NOT NULL) AS named
            WHERE NOT EXISTS (SELECT FROM catalog_item WHERE external_id = ref)
            ORDER BY ref
            ON CONFLICT (external_id) DO NOTHING
            """,
            [shop_currency()],
        )
        return cursor.rowcount
