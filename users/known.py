"""Customers by the shop's own ids."""

from django.db import connection

_KNOWN = "SELECT coalesce(merged_into_id, id) FROM users_customer WHERE external_id = %s AND erased_at IS NULL"


def known_customer(external_id: str) -> int | None:
    """The key of the customer, or of the one that it was merged into; None where the shop never named it.

    Every page of the shop asks: the statement stands here as it is, because Django would write it anew each time.
    """
    if "\0" in external_id:  # PostgreSQL keeps none
        return None
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN, [external_id])
        row: tuple[int] | None = cursor.fetchone()
    return row[0] if row else None
