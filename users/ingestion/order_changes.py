"""Cancellations and refunds: an order's status follows from all that was said, before or after the order itself."""

from collections.abc import Collection, Sequence
from decimal import Decimal

from django.db import connection

from catalog.validation import check_id, check_money
from users.ingestion.inputs import OrderChangeInput

_LOCK = 0x6F72646572  # "order"

# Whatever arrives first, and however often it is settled, the same changes give the same order. Money that went back
# says more than that the order was cancelled.
_SETTLE = """
UPDATE users_order AS stored
SET status = settled.status, refunded = settled.refunded
FROM (
    SELECT placed.id,
           CASE WHEN said.whole OR said.amount > 0 AND said.amount >= placed.total THEN 'refunded'
                WHEN said.cancelled THEN 'cancelled' ELSE 'placed' END AS status,
           CASE WHEN said.whole THEN placed.total ELSE least(said.amount, placed.total) END AS refunded
    FROM users_order AS placed
    JOIN (
        SELECT order_ref, bool_or(status = 'cancelled') AS cancelled,
               bool_or(status = 'refunded' AND amount IS NULL) AS whole,
               coalesce(sum(amount) FILTER (WHERE status = 'refunded'), 0) AS amount
        FROM users_orderchange WHERE order_ref = ANY(%s) GROUP BY order_ref
    ) AS said ON said.order_ref = placed.external_id
) AS settled
WHERE stored.id = settled.id AND (stored.status, stored.refunded) IS DISTINCT FROM (settled.status, settled.refunded)
RETURNING stored.external_id
"""


def lock_orders(*, changing: bool) -> None:
    """Until the transaction ends, no order is stored while another transaction is `changing` orders, and the reverse.

    Otherwise an order and its refund, arriving at the same moment, would not see each other. Taken before any other
    lock, so that it cannot be part of a deadlock.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_xact_lock{'' if changing else '_shared'}(%s)", [_LOCK])


def check_order_change(change: OrderChangeInput) -> None:
    """Refuse a change that cannot be stored."""
    check_id(change.order_id, "order_id")
    if change.amount is not None:
        check_money(change.amount, "amount")


def keep_changes(*, changes: Sequence[OrderChangeInput]) -> None:
    """Keep checked `changes`; the caller holds `lock_orders(changing=True)`, and settles the orders that they name.

    A change of the whole order is kept once. A part of it counts each time: the caller drops retries.
    """
    if not changes:
        return
    rows: list[tuple[str, str, Decimal | None]] = [(one.order_id, one.status, one.amount) for one in changes]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO users_orderchange (order_ref, status, amount, said_at)
            SELECT order_ref, status, amount, min(said_at)
            FROM unnest(%s::text[], %s::text[], %s::numeric[], %s::timestamptz[]) WITH ORDINALITY
                AS said (order_ref, status, amount, said_at, place)
            WHERE amount IS NOT NULL OR NOT EXISTS (
                SELECT FROM users_orderchange AS known
                WHERE known.order_ref = said.order_ref AND known.status = said.status AND known.amount IS NULL)
            GROUP BY order_ref, status, amount, CASE WHEN amount IS NOT NULL THEN place END
            """,
            [*(list(column) for column in zip(*rows, strict=True)), [one.said_at for one in changes]],
        )


def settle_orders(*, order_ids: Collection[str]) -> set[str]:
    """Let the status and the refunded amount of these orders (the shop's ids) follow from their changes.

    Returns the orders that this changed.
    """
    with connection.cursor() as cursor:
        cursor.execute(_SETTLE, [list(order_ids)])
        return {order_id for (order_id,) in cursor.fetchall()}
