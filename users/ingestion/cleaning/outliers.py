"""Prices and quantities far from what an item usually has: marked as suspect, never lost.

The measure is the robust z-score on logarithms: distance from the item's median in units of 1.4826 × MAD, which for a
normal distribution is the standard deviation (Iglewicz & Hoaglin, How to Detect and Handle Outliers, 1993). Because
many items always cost the same (MAD 0), a line must also differ by a plain factor. Both are kept per item as bounds, so
that judging a line on its way in is two comparisons.
"""

from collections.abc import Sequence

from django.conf import settings
from django.db import connection, transaction

from catalog.tally import Tally
from users.choices import EventType, Suspicion
from users.ingestion import quality

PRICE_FACTOR = 10  # a discount of 90% is not an error yet
QUANTITY_FACTOR = 100  # wholesale customers order by the hundred
LEAST_LINES = 10  # purchase lines before an item has a usual price of its own
_MAD_TO_SIGMA = 1.4826
_JUDGED = f"({int(EventType.PURCHASE)}, {int(EventType.REFUND)})"


def suspicion(row: str) -> str:
    """SQL: the `Suspicion` of the line `row` by the bounds of its item in `norm`, or NULL."""
    return f"""CASE
        WHEN {row}.price > 0 AND ({row}.price < norm.price_low OR {row}.price > norm.price_high)
            THEN {int(Suspicion.PRICE)}
        WHEN {row}.quantity > norm.quantity_high THEN {int(Suspicion.QUANTITY)} END"""


# For the statement that stores events: the `Suspicion` of the line `staged`, or NULL.
JUDGED_LINE = f"""(
    SELECT {suspicion("staged")} FROM users_itemnorm AS norm
    WHERE norm.item_id = staged.item_id AND norm.currency = staged.currency AND staged.type IN {_JUDGED}
)"""


# An item with few lines has no usual price yet; its quantity is judged by that of the whole shop.
_NORMS = f"""
WITH line AS MATERIALIZED (
    SELECT item_id, currency, ln(nullif(price, 0)::float8) AS price, ln(quantity::float8) AS quantity
    FROM users_event
    WHERE type = {int(EventType.PURCHASE)} AND item_id IS NOT NULL AND price IS NOT NULL AND quantity > 0
), middle AS (
    SELECT item_id, currency, count(*) AS lines,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY price) AS price,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY quantity) AS quantity
    FROM line GROUP BY item_id, currency
), spread AS (
    SELECT item_id, currency,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY abs(line.price - middle.price)) AS price,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY abs(line.quantity - middle.quantity)) AS quantity
    FROM line JOIN middle USING (item_id, currency) GROUP BY item_id, currency
), shop AS (
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY quantity) AS middle FROM line
), shop_spread AS (
    SELECT middle, percentile_cont(0.5) WITHIN GROUP (ORDER BY abs(quantity - middle)) AS spread
    FROM line CROSS JOIN shop GROUP BY middle
)
INSERT INTO users_itemnorm (item_id, currency, lines, price_median, price_low, price_high, quantity_median,
                            quantity_high, computed_at)
SELECT item_id, currency, lines, exp(middle.price),
       CASE WHEN lines >= %(least)s THEN exp(middle.price - greatest(%(z)s * spread.price, ln(%(price)s))) END,
       CASE WHEN lines >= %(least)s THEN exp(middle.price + greatest(%(z)s * spread.price, ln(%(price)s))) END,
       exp(middle.quantity),
       CASE WHEN lines >= %(least)s
            THEN exp(middle.quantity + greatest(%(z)s * spread.quantity, ln(%(quantity)s)))
            ELSE exp(shop_spread.middle + greatest(%(z)s * shop_spread.spread, ln(%(quantity)s))) END,
       now()
FROM middle JOIN spread USING (item_id, currency) CROSS JOIN shop_spread
ORDER BY item_id, currency
ON CONFLICT (item_id, currency) DO UPDATE SET
    lines = excluded.lines, price_median = excluded.price_median, price_low = excluded.price_low,
    price_high = excluded.price_high, quantity_median = excluded.quantity_median,
    quantity_high = excluded.quantity_high, computed_at = excluded.computed_at
"""

# What staff accepted (`Suspicion.ACCEPTED`) stays accepted.
_JUDGE_AGAIN = f"""
UPDATE users_event AS event SET suspect = {suspicion("event")}
FROM users_itemnorm AS norm
WHERE norm.item_id = event.item_id AND norm.currency = event.currency AND event.type IN {_JUDGED}
  AND event.suspect IS DISTINCT FROM {int(Suspicion.ACCEPTED)}
  AND event.suspect IS DISTINCT FROM {suspicion("event")}
RETURNING event.customer_id, event.suspect, event.message_id, event.price, event.quantity
"""


def refresh_norms() -> list[int]:
    """Compute every item's usual price and quantity anew, and judge all purchases and refunds by them.

    Returns the ids of the customers whose events changed, for whoever recomputes what follows from them.
    """
    tally = Tally("stored events")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            _NORMS,
            {
                "z": settings.OUTLIER_Z * _MAD_TO_SIGMA,
                "least": LEAST_LINES,
                "price": PRICE_FACTOR,
                "quantity": QUANTITY_FACTOR,
            },
        )
        cursor.execute(_JUDGE_AGAIN)
        changed = cursor.fetchall()
        note_suspects(tally, [row[1:] for row in changed if row[1] is not None])
        quality.save_tally(tally)
    return sorted({row[0] for row in changed})


def note_suspects(tally: Tally, rows: Sequence[tuple[int, object, object, object]]) -> None:
    """Count marked lines: (suspicion, message id, price, quantity)."""
    for suspect, message_id, price, quantity in rows:
        tally.note(Suspicion(suspect).reason, str(message_id), f"{quantity} × {price}")


def accept_events(*, customer_ids: Sequence[int], event_ids: Sequence[int]) -> list[int]:
    """Say that suspect events are right: they count from now on. Returns the ids of the customers concerned.

    The customers are asked for because events are found by their customer.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE users_event SET suspect = %s WHERE customer_id = ANY(%s) AND id = ANY(%s) AND suspect > 0 "
            "RETURNING customer_id",
            [int(Suspicion.ACCEPTED), list(customer_ids), list(event_ids)],
        )
        return sorted({customer_id for (customer_id,) in cursor.fetchall()})
