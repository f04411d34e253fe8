"""Rows for customers that events and orders name before the shop has described them."""

from django.db import connection

# A staged row belongs to the customer that `customer_ref` names, else to the visitor that `anonymous_ref` names; either
# may have been merged into another customer since.
WHO = "coalesce(known.merged_into_id, known.id, visitor.merged_into_id, visitor.id)"
JOIN_WHO = """
LEFT JOIN users_customer AS known ON known.external_id = staged.customer_ref
LEFT JOIN users_customer AS visitor ON staged.customer_ref IS NULL AND visitor.anonymous_id = staged.anonymous_ref
"""


# The columns, without the id's, of a customer of whom nothing else is known, and what stands in them.
_COLUMNS = """email, email_hash, phone, first_name, last_name, language, country, time_zone, attributes, created_at,
              updated_at"""
UNDESCRIBED = "'', '', '', '', '', '', '', '', '{}'::jsonb, now(), now()"


def insert_customers(id_column: str) -> str:
    """The head of an INSERT of customers that are known by `id_column` only."""
    return f"INSERT INTO users_customer ({id_column}, {_COLUMNS})"


def add_missing_customers(table: str) -> None:
    """Create the customers and visitors that the staged `table` names and nobody has described yet."""
    _add_missing(table, id_column="external_id", source="customer_ref", condition="customer_ref IS NOT NULL")
    _add_missing(table, id_column="anonymous_id", source="anonymous_ref", condition="customer_ref IS NULL")


def _add_missing(table: str, *, id_column: str, source: str, condition: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            {insert_customers(id_column)}
            SELECT ref, {UNDESCRIBED}
            FROM (SELECT DISTINCT {source} AS ref FROM pg_temp.{table} WHERE {condition}) AS named
            WHERE NOT EXISTS (SELECT FROM users_customer WHERE {id_column} = ref)
            ORDER BY ref
            ON CONFLICT ({id_column}) DO NOTHING
            """
        )
