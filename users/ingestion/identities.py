"""Who is who: an anonymous visitor that identifies itself becomes, or joins, a customer, and keeps its history."""

from collections.abc import Collection, Sequence

from django.db import connection, transaction

from catalog.validation import Refused, check_id
from users.ingestion.descriptions import EMPTY_DETAILS, merged_columns
from users.privacy.tombstones import refuse_erased

# What joining does with each column of this app that refers to a customer; a test walks the models for one that is
# forgotten. Tables of other apps refer to customers with an address, and follow `merged_into` where it matters.
JOINING = {
    "users_event.customer_id": "UPDATE users_event SET customer_id = %(into)s WHERE customer_id = %(old)s",
    "users_order.customer_id": "UPDATE users_order SET customer_id = %(into)s WHERE customer_id = %(old)s",
    "users_device.customer_id": "UPDATE users_device SET customer_id = %(into)s WHERE customer_id = %(old)s",
    "users_consent.customer_id": "UPDATE users_consent SET customer_id = %(into)s WHERE customer_id = %(old)s",
    "users_profile.customer_id": "DELETE FROM users_profile WHERE customer_id = %(old)s",  # computed again
    "users_botmark.customer_id": "DELETE FROM users_botmark WHERE customer_id = %(old)s",  # judged again
    "users_customer.merged_into_id": (
        "UPDATE users_customer SET merged_into_id = %(into)s WHERE %(old)s IN (id, merged_into_id)"
    ),
}
NOT_JOINED = {"users_customeraccess.customer_id"}  # a log says who was looked at then, and is never rewritten
# What the visitor said of itself goes along, and is not kept twice.
_TAKE_DESCRIPTION = f"""
UPDATE users_customer AS stored SET
    {merged_columns(stored="stored", said="said")}
FROM users_customer AS said WHERE stored.id = %(into)s AND said.id = %(old)s AND stored.erased_at IS NULL
"""
_DROP_DESCRIPTION = f"UPDATE users_customer SET {EMPTY_DETAILS} WHERE id = %(old)s"


def hold_people(*, external_ids: Collection[str], anonymous_ids: Collection[str], joining: bool) -> None:
    """Let nobody join these customers and visitors to others until the transaction ends; all in one order of locks.

    Without this, an event that is stored while its visitor identifies itself elsewhere would stay with the visitor.
    `joining` takes the stronger lock that is needed to join them here.
    """
    strength = "UPDATE" if joining else "KEY SHARE"
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH named AS (
                SELECT id, merged_into_id FROM users_customer WHERE external_id = ANY(%s) OR anonymous_id = ANY(%s)
            )
            SELECT FROM users_customer WHERE id IN (SELECT id FROM named UNION SELECT merged_into_id FROM named)
            ORDER BY id FOR {strength}
            """,
            [list(external_ids), list(anonymous_ids)],
        )


def identify(*, pairs: Sequence[tuple[str, str]]) -> list[int]:
    """Join visitors to customers: `pairs` of (anonymous id, the shop's id). Returns the ids of the customers concerned.

    Later events of the anonymous id count for the customer. Saying it again changes nothing; a visitor that was joined
    to one customer and now identifies as another (a shared device) starts counting for the new one, and what it did
    before stays where it is. Raises Refused for an id that cannot be stored, or that was erased.
    """
    touched = []
    with transaction.atomic():
        for anonymous_id, external_id in pairs:
            check_id(anonymous_id, "anonymous_id")
            check_id(external_id, "customer_id")
            refuse_erased(customer_ids=[external_id], anonymous_ids=[anonymous_id])
            touched.append(_identify(anonymous_id, external_id))
    return touched


def _identify(anonymous_id: str, external_id: str) -> int:
    customer_id, merged_into = _find_or_add("external_id", external_id)
    visitor_id, joined_to = _find_or_add("anonymous_id", anonymous_id)
    into = merged_into or customer_id
    if into in (visitor_id, joined_to):
        return into
    if joined_to is None and not _has_own_id(visitor_id):
        _join(visitor_id, into)
        return into
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE users_customer SET anonymous_id = NULL WHERE id = %(old)s AND external_id IS NOT NULL",
            {"old": visitor_id},
        )
        cursor.execute(
            "UPDATE users_customer SET merged_into_id = %(into)s WHERE id = %(old)s AND external_id IS NULL",
            {"into": into, "old": visitor_id},
        )
    return into


def merge_customers(*, previous_id: str, external_id: str, trusted: bool = True) -> int:
    """Join everything of the visitor or customer `previous_id` to the customer `external_id` (the call `alias`).

    A customer that was joined before stays where it is. Joining two customers cannot be undone, so only a `trusted`
    caller may: raises Refused for others, and for ids that cannot be stored.
    """
    check_id(previous_id, "previous_id")
    check_id(external_id, "customer_id")
    with transaction.atomic():
        refuse_erased(customer_ids=[external_id, previous_id], anonymous_ids=[previous_id])
        previous = _find("external_id", previous_id)
        if previous is None:
            # Nobody knows yet whether it names a visitor or a customer: for a trusted caller it is both.
            unknown = _find("anonymous_id", previous_id) is None
            into = _identify(previous_id, external_id)
            if trusted and unknown and previous_id != external_id:
                _join(_find_or_add("external_id", previous_id)[0], into)
            return into
        if not trusted:
            raise Refused(
                "not_allowed", "A write key may join visitors to customers; joining two customers needs a server key."
            )
        old, joined_to = previous
        customer_id, merged_into = _find_or_add("external_id", external_id)
        into = merged_into or customer_id
        if joined_to is None and into != old:
            _join(old, into)
        return joined_to or into


def _join(old: int, into: int) -> None:
    with connection.cursor() as cursor:
        for statement in (*JOINING.values(), _TAKE_DESCRIPTION, _DROP_DESCRIPTION):
            cursor.execute(statement, {"into": into, "old": old})


def _find(column: str, value: str) -> tuple[int, int | None] | None:
    """The locked row's (id, merged into)."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id, merged_into_id FROM users_customer WHERE {column} = %s FOR UPDATE", [value])
        found: tuple[int, int | None] | None = cursor.fetchone()
        return found


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
    found = _find(column, value)
    assert found is not None  # noqa: S101 - inserted above, and rows of customers are never deleted
    return found


def _has_own_id(customer_id: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT external_id IS NOT NULL FROM users_customer WHERE id = %s", [customer_id])
        return bool(cursor.fetchone()[0])
