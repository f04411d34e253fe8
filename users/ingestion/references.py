"""Rows for customers and items that events name before the shop has described them."""

from django.db import connection

from catalog.models import shop_currency

# A staged row belongs to the customer that `customer_ref` names, else to the visitor that `anonymous_ref` names; either
# may have been merged into another customer since.
WHO = "coalesce(known.merged_into_id, known.id, visitor.merged_into_id, visitor.id)"
JOIN_WHO = """
LEFT JOIN users_customer AS known ON known.external_id = staged.customer_ref
LEFT JOIN users_customer AS visitor ON staged.customer_ref IS NULL AND visitor.anonymous_id = staged.anonymous_ref
"""


def add_missing_customers(table: str) -> None:
    """Create the customers and visitors that the staged `table` names and nobody has described yet."""
    _add_missing(table, id_column="external_id", source="customer_ref", condition="customer_ref IS NOT NULL")
    _add_missing(table, id_column="anonymous_id", source="anonymous_ref", condition="customer_ref IS NULL")


def _add_missing(table: str, *, id_column: str, source: str, condition: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO users_customer ({id_column}, email, email_hash, phone, first_name, last_name, language, country,
                                        time_zone, attributes, created_at, updated_at)
            SELECT ref, '', '', '', '', '', '', '', '', '{{}}', now(), now()
            FROM (SELECT DISTINCT {source} AS ref FROM pg_temp.{table} WHERE {condition}) AS named
            WHERE NOT EXISTS (SELECT FROM users_customer WHERE {id_column} = ref)
            ORDER BY ref
            ON CONFLICT ({id_column}) DO NOTHING
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
