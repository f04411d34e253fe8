"""Orders in: the order itself once, its lines as purchase events."""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import islice

from django.db import connection, transaction
from django.utils import timezone

from catalog.tally import Tally
from catalog.validation import IngestResult, Refused, RefusedRow
from users.ingestion import events, quality
from users.ingestion.cleaning import mend_orders, note_refusal
from users.ingestion.inputs import EventInput, OrderInput
from users.ingestion.references import JOIN_WHO, WHO, add_missing_customers
from users.ingestion.staging import stage
from users.ingestion.validate import check_order

BATCH = 2_000  # orders in memory at once
LINES_OF = ": order lines"  # ends the name of the source under which the lines of its orders are counted

_TABLE = "order_staging"
_COLUMNS = (
    *(("order_ref", "text"), ("customer_ref", "text"), ("anonymous_ref", "text"), ("placed_at", "timestamptz")),
    *(("status", "text"), ("total", "numeric"), ("discount", "numeric"), ("currency", "text"), ("coupon_code", "text")),
)

# A retry of an unchanged order touches nothing and counts as a duplicate; a changed one is updated. What was cancelled
# or refunded stays so, because messages may arrive out of order.
_UPSERT = f"""
INSERT INTO users_order (external_id, customer_id, placed_at, status, total, discount, refunded, currency, coupon_code,
                         created_at)
SELECT staged.order_ref, {WHO}, staged.placed_at, staged.status, staged.total,
       staged.discount, 0, staged.currency, staged.coupon_code, now()
FROM pg_temp.order_staging AS staged
{JOIN_WHO}
ORDER BY staged.order_ref
ON CONFLICT (external_id) DO UPDATE
SET status = CASE users_order.status WHEN 'placed' THEN excluded.status ELSE users_order.status END,
    total = excluded.total, discount = excluded.discount, coupon_code = excluded.coupon_code
WHERE (users_order.total, users_order.discount, users_order.coupon_code)
      IS DISTINCT FROM (excluded.total, excluded.discount, excluded.coupon_code)
   OR (users_order.status = 'placed' AND excluded.status <> 'placed')
"""


def ingest_orders(*, orders: Iterable[OrderInput], source: str) -> IngestResult:
    """Store the orders that are new or changed, and each line as one purchase event; refuse the bad ones."""
    result = IngestResult()
    rows = iter(orders)
    offset = 0
    while batch := list(islice(rows, BATCH)):
        result.add(_ingest_batch(batch, offset=offset, source=source))
        offset += len(batch)
    return result


def _ingest_batch(batch: list[OrderInput], *, offset: int, source: str) -> IngestResult:
    now = timezone.now()
    result = IngestResult()
    good: dict[str, tuple[OrderInput, Decimal]] = {}
    tally = Tally(source)
    for index, order in enumerate(mend_orders(batch, tally), start=offset):
        try:
            total = check_order(order, now)
        except Refused as refused:
            result.refused.append(RefusedRow(index, refused.reason, refused.message))
            note_refusal(tally, order, result.refused[-1])
            continue
        if order.order_id in good:
            result.duplicates += 1
        else:
            good[order.order_id] = (order, total)
    with transaction.atomic():
        changed = _upsert(good)
        result.accepted += changed
        result.duplicates += len(good) - changed
        tally.taken = changed
        tally.rows["duplicate_order"] += result.duplicates
        quality.save_tally(tally)
        events.ingest_events(events=_lines(order for order, _ in good.values()), source=f"{source}{LINES_OF}")
    return result


def _upsert(orders: dict[str, tuple[OrderInput, Decimal]]) -> int:
    if not orders:
        return 0
    stage(
        _TABLE,
        _COLUMNS,
        [
            (
                *(order.order_id, order.customer_id or None, order.anonymous_id or None, order.placed_at, order.status),
                *(total, order.discount, order.currency, order.coupon_code),
            )
            for order, total in orders.values()
        ],
    )
    add_missing_customers(_TABLE)
    with connection.cursor() as cursor:
        cursor.execute(_UPSERT)
        return cursor.rowcount


def _lines(orders: Iterable[OrderInput]) -> Iterator[EventInput]:
    """Each line as an event whose message id follows from the order, so that a retry counts nothing twice."""
    for order in orders:
        for number, line in enumerate(order.lines):
            yield EventInput(
                message_id=f"order:{order.order_id}:{number}",
                type="purchase",
                occurred_at=order.placed_at,
                customer_id=order.customer_id,
                anonymous_id=order.anonymous_id,
                item_id=line.item_id,
                order_id=order.order_id,
                quantity=line.quantity,
                price=line.price,
                currency=order.currency,
            )


def change_order_statuses(*, changes: Sequence[tuple[str, str]]) -> int:
    """Set the status of placed orders: pairs of (the shop's id, `cancelled` or `refunded`). Returns how many changed.

    Unknown orders and those that were cancelled or refunded already are left alone.
    """
    final = dict(changes)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE users_order SET status = changed.status, refunded = CASE changed.status
                WHEN 'refunded' THEN greatest(users_order.refunded, users_order.total) ELSE users_order.refunded END
            FROM unnest(%s::text[], %s::text[]) AS changed (external_id, status)
            WHERE users_order.external_id = changed.external_id AND users_order.status = 'placed'
            """,
            [list(final), list(final.values())],
        )
        return cursor.rowcount
