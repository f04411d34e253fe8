"""Orders in: each once, with its lines as purchase events; of two descriptions of an order the newer one holds."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from hashlib import blake2b
from itertools import islice

from django.db import connection, transaction
from django.utils import timezone

from catalog.tally import Tally
from catalog.validation import IngestResult, Refused, RefusedRow
from users.choices import EventType, OrderStatus
from users.ingestion import events, partitions, quality
from users.ingestion.cleaning import mend_orders, note_refusal
from users.ingestion.inputs import EventInput, OrderChangeInput, OrderInput
from users.ingestion.order_changes import keep_changes, lock_orders, settle_orders
from users.ingestion.references import JOIN_WHO, WHO, add_missing_customers
from users.ingestion.staging import stage
from users.ingestion.validate import check_order
from users.privacy.tombstones import again_if_erased, find_erased

BATCH = 2_000  # orders in memory at once
LINES_OF = ": order lines"  # ends the name of the source under which the lines of its orders are counted

_TABLE = "order_staging"
_COLUMNS = (
    *(("order_ref", "text"), ("customer_ref", "text"), ("anonymous_ref", "text"), ("placed_at", "timestamptz")),
    *(("total", "numeric"), ("discount", "numeric"), ("currency", "text"), ("coupon_code", "text")),
    *(("described_at", "timestamptz"), ("fingerprint", "text")),
)

_INSERT = f"""
INSERT INTO users_order (external_id, customer_id, placed_at, status, total, discount, refunded, currency, coupon_code,
                         described_at, fingerprint, created_at)
SELECT staged.order_ref, {WHO}, staged.placed_at, 'placed', staged.total, staged.discount, 0, staged.currency,
       staged.coupon_code, coalesce(staged.described_at, now()), staged.fingerprint, now()
FROM pg_temp.order_staging AS staged
{JOIN_WHO}
ORDER BY staged.order_ref
ON CONFLICT (external_id) DO NOTHING
RETURNING external_id
"""

# The newer description of an order holds; of two of the same time the one with the larger fingerprint, so that their
# order of arrival does not matter. A description without a time of its own is said now.
_NEWER = """(staged.fingerprint <> stored.fingerprint AND (staged.described_at IS NULL
    OR (staged.described_at, staged.fingerprint) > (stored.described_at, stored.fingerprint)))"""

_FIND_CHANGED = f"""
SELECT stored.id, stored.external_id, stored.customer_id, {_NEWER}
FROM users_order AS stored JOIN pg_temp.order_staging AS staged ON staged.order_ref = stored.external_id
WHERE {_NEWER} OR staged.fingerprint = stored.fingerprint AND staged.described_at > stored.described_at
   OR staged.placed_at < stored.placed_at
ORDER BY stored.external_id FOR UPDATE OF stored
"""
_DROP_LINES = """
WITH dropped AS (
    DELETE FROM users_event AS line USING unnest(%s::bigint[], %s::bigint[]) AS revised (order_id, customer_id)
    WHERE line.customer_id = revised.customer_id AND line.order_id = revised.order_id AND line.type = %s
    RETURNING line.message_id
)
DELETE FROM users_eventkey WHERE message_id IN (SELECT message_id FROM dropped)
"""
_REVISE = f"""
UPDATE users_order AS stored
SET customer_id = CASE WHEN {_NEWER} THEN {WHO} ELSE stored.customer_id END,
    total = CASE WHEN {_NEWER} THEN staged.total ELSE stored.total END,
    discount = CASE WHEN {_NEWER} THEN staged.discount ELSE stored.discount END,
    currency = CASE WHEN {_NEWER} THEN staged.currency ELSE stored.currency END,
    coupon_code = CASE WHEN {_NEWER} THEN staged.coupon_code ELSE stored.coupon_code END,
    fingerprint = CASE WHEN {_NEWER} THEN staged.fingerprint ELSE stored.fingerprint END,
    described_at = greatest(stored.described_at, coalesce(staged.described_at, now())),
    placed_at = least(stored.placed_at, staged.placed_at)
FROM pg_temp.order_staging AS staged
{JOIN_WHO}
WHERE staged.order_ref = stored.external_id AND stored.id = ANY(%s)
"""
# An order was placed when it is first said to have been, whichever description came first.
_ALIGN_LINES = """
UPDATE users_event AS line SET occurred_at = placed.placed_at
FROM users_order AS placed
WHERE placed.id = ANY(%s) AND line.customer_id = placed.customer_id AND line.order_id = placed.id AND line.type = %s
  AND line.occurred_at <> placed.placed_at
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


@again_if_erased
def _ingest_batch(batch: list[OrderInput], *, offset: int, source: str) -> IngestResult | None:
    now = timezone.now()
    result = IngestResult()
    erased = find_erased(
        customer_ids=(order.customer_id for order in batch), anonymous_ids=(order.anonymous_id for order in batch)
    )
    tally = Tally(source)
    good: dict[str, OrderInput] = {}
    for index, order in enumerate(mend_orders(batch, tally), start=offset):
        try:
            checked = replace(order, total=check_order(order, now))
            erased.check(order.customer_id, order.anonymous_id)
        except Refused as refused:
            result.refused.append(RefusedRow(index, refused.reason, refused.message))
            note_refusal(tally, order, result.refused[-1])
            continue
        known = good.get(order.order_id)
        result.duplicates += known is not None
        good[order.order_id] = _newer(known, checked, now) if known else checked
    with transaction.atomic():
        if not erased.hold():
            return None
        stored = _store(good, source=source)
        result.accepted += stored
        result.duplicates += len(good) - stored
        tally.taken = stored
        tally.rows["duplicate_order"] += result.duplicates
        quality.save_tally(tally)
    return result


def _newer(one: OrderInput, other: OrderInput, now: datetime) -> OrderInput:
    """Of two descriptions of an order the one that holds, placed at the earlier time."""
    holds = max(one, other, key=lambda order: (order.described_at or now, _fingerprint(order)))
    return replace(holds, placed_at=min(one.placed_at, other.placed_at))


def _fingerprint(order: OrderInput) -> str:
    said = (order.customer_id or order.anonymous_id, f"{order.total:.2f}", f"{order.discount:.2f}", order.currency)
    lines = [(line.item_id, line.quantity, f"{line.price:.2f}", line.variant) for line in order.lines]
    return blake2b(repr((said, order.coupon_code, lines)).encode(), digest_size=16).hexdigest()


def _store(orders: dict[str, OrderInput], *, source: str) -> int:
    """Insert and revise. Returns how many orders are new, described anew, or settled."""
    if not orders:
        return 0
    changes = [
        OrderChangeInput(order.order_id, order.status, order.placed_at)
        for order in orders.values()
        if order.status != OrderStatus.PLACED
    ]
    lock_orders(changing=bool(changes))
    stage(_TABLE, _COLUMNS, [_row(order) for order in orders.values()])
    add_missing_customers(_TABLE)
    with connection.cursor() as cursor:
        cursor.execute(_INSERT)
        described = {order_id for (order_id,) in cursor.fetchall()}
    moved = _revise(described) if len(described) < len(orders) else []
    lines = _lines(order for order_id, order in orders.items() if order_id in described)
    events.ingest_events(events=lines, source=f"{source}{LINES_OF}")
    if moved:
        partitions.make_partitions({partitions.month_of(order.placed_at) for order in orders.values()})
        with connection.cursor() as cursor:
            cursor.execute(_ALIGN_LINES, [moved, EventType.PURCHASE])
    keep_changes(changes=changes)
    return len(described | settle_orders(order_ids=orders.keys()))


def _row(order: OrderInput) -> tuple[object, ...]:
    """The order as a row of `_COLUMNS`."""
    return (
        *(order.order_id, order.customer_id or None, order.anonymous_id or None, order.placed_at, order.total),
        *(order.discount, order.currency, order.coupon_code, order.described_at, _fingerprint(order)),
    )


def _revise(described: set[str]) -> list[int]:
    """Take newer descriptions into the staged orders that were known; their old lines go, and they join `described`.

    Returns the ids of the orders whose time may have changed.
    """
    with connection.cursor() as cursor:
        cursor.execute(_FIND_CHANGED)
        changed = [row for row in cursor.fetchall() if row[1] not in described]
        if not changed:
            return []
        revised = [(order_id, customer_id) for order_id, _, customer_id, newer in changed if newer]
        described.update(external_id for _, external_id, _, newer in changed if newer)
        cursor.execute(
            _DROP_LINES, [[order for order, _ in revised], [customer for _, customer in revised], EventType.PURCHASE]
        )
        moved = [order_id for order_id, *_ in changed]
        cursor.execute(_REVISE, [moved])
    return moved


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
                context={"variant": line.variant} if line.variant else None,
            )
