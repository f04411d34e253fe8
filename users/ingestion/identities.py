"""Who is who: an anonymous visitor that identifies itself becomes, or joins, a customer, and keeps its history."""

from collections.abc import Sequence

from django.db import connection, transaction

from catalog.validation import check_id
from users.privacy.tombstones import refuse_erased

# What may hang on a visitor. Tables of other apps refer to customers with an address, which visitors do not have; what
# they computed of a visitor is computed again for the customer.
_MOVE = (
    "UPDATE users_event SET customer_id = %(into)s WHERE customer_id = %(old)s",
    "UPDATE users_order SET customer_id = %(into)s WHERE customer_id = %(old)s",
    "UPDATE users_consent SET customer_id = %(into)s WHERE customer_id = %(old)s",
    "DELETE FROM users_profile WHERE customer_id = %(old)s",
    "UPDATE users_customer SET merged_into_id = %(into)s WHERE %(old)s IN (id, merged_into_id)",
)


def identify(*, pairs: Sequence[tuple[str, str]]) -> list[int]:
    """Join visitors to customers: `pairs` of (anonymous id, the shop's id). Returns the ids of the customers concerned.

    Later events of the anonymous id count for the customer. Saying it again changes nothing; a visitor that was joined
    to one customer and now identifies as another (a shared device) starts counting for the new one, and what it did
    before stays where it is. Raises Refused for an id that cannot be stored, or that was erased.
    """
    touched = []
    with transaction.atomic():
        for anonymous_id, external_id in sorted(set(pairs)):
            check_id(anonymous_id, "anonymous_id")
            check_id(external_id, "customer_id")
            refuse_erased(customer_ids=[external_id], anonymous_ids=[anonymous_id])
            touched.append(_identify(anonymous_id, external_id))
    return touched


def _identify(anonymous_id: str, external_id: str) -> int:
    customer = _find_or_add("external_id", external_id)
    visitor = _find_or_add("anonymous_id", anonymous_id)
    into = customer[1] or customer[0]
    visitor_id, joined_to = visitor
    if into in (visitor_id, joined_to):
        return into
    with connection.cursor() as cursor:
        if joined_to is None and not _has_own_id(visitor_id):
            for statement in _MOVE:
                cursor.execute(statement, {"into": into, "old": visitor_id})
        else:
            cursor.execute(
                "UPDATE users_customer SET anonymous_id = NULL WHERE id = %(old)s AND external_id IS NOT NULL",
                {"old": visitor_id},
            )
            cursor.execute(
                "UPDATE users_customer SET merged_into_id = %(into)s WHERE id = %(old)s AND external_id IS NULL",
                {"into": into, "old": visitor_id},
            )
    return into


def merge_customers(*, previous_id: str, external_id: str) -> int:
    """Join everything of the customer or visitor `previous_id` to the customer `external_id` (the call `alias`)."""
    check_id(previous_id, "previous_id")
    check_id(external_id, "customer_id")
    with transaction.atomic(), connection.cursor() as cursor:
        refuse_erased(customer_ids=[external_id, previous_id], anonymous_ids=[previous_id])
        cursor.execute("SELECT id FROM users_customer WHERE external_id = %s AND merged_into_id IS NULL", [previous_id])
        row = cursor.fetchone()
        if row is None:
            return _identify(previous_id, external_id)
        customer_id, merged_into = _find_or_add("external_id", external_id)
        into = merged_into or customer_id
        if into != row[0]:
            for statement in _MOVE:
                cursor.execute(statement, {"into": into, "old": row[0]})
        return into


def _find_or_add(column: str, value: str) -> tuple[int, int | None]:
    """The locked row's (id, merged into), made where missing."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO users_customer ({column}, email, email_hash, phone, first_name, last_name, language, country,
                                        time_zone, attributes, created_at, updated_at)
            VALUES (%s, '', '', '', '', '', '', '', '', '{{}}', now(), now()) ON CONFLICT ({column}) DO NOTHING
            """,
            [value],
        )
        cursor.execute(f"SELECT id, merged_into_id FROM users_customer WHERE {column} = %s FOR UPDATE", [value])
        found: tuple[int, int | None] = cursor.fetchone()
        return found


def _has_own_id(customer_id: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT external_id IS NOT NULL FROM users_customer WHERE id = %s", [customer_id])
        return bool(cursor.fetchone()[0])
