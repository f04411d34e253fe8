"""One item through its customers: sales and prices by week, buyers, and what else they buy."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection

from catalog.models import Item
from users.choices import EventType
from users.models import Customer, ItemNorm

WEEKS = 52
SHOWN = 8
_NEIGHBOURHOOD = 500  # the newest buyers whose other purchases are looked at

# Suspect lines are left out, as everywhere.
_WEEKS = f"""
SELECT date_trunc('week', occurred_at)::date,
       sum(quantity) FILTER (WHERE type = {int(EventType.PURCHASE)}),
       sum(price * quantity) FILTER (WHERE type = {int(EventType.PURCHASE)} AND currency = %(currency)s),
       percentile_disc(0.5) WITHIN GROUP (ORDER BY price)
           FILTER (WHERE type = {int(EventType.PURCHASE)} AND price > 0 AND currency = %(currency)s),
       count(*) FILTER (WHERE type = {int(EventType.VIEW)})
FROM users_event
WHERE item_id = %(item)s AND occurred_at >= %(since)s AND coalesce(suspect, 0) = 0
GROUP BY 1 ORDER BY 1
"""
_TOTALS = f"""
SELECT count(DISTINCT customer_id) FILTER (WHERE type = {int(EventType.PURCHASE)}),
       coalesce(sum(quantity) FILTER (WHERE type = {int(EventType.PURCHASE)}), 0),
       coalesce(sum(price * quantity) FILTER (WHERE type = {int(EventType.PURCHASE)} AND currency = %(currency)s), 0),
       coalesce(sum(quantity) FILTER (WHERE type = {int(EventType.REFUND)}), 0),
       count(*) FILTER (WHERE type = {int(EventType.VIEW)}),
       count(*) FILTER (WHERE suspect > 0)
FROM users_event WHERE item_id = %(item)s AND occurred_at >= %(since)s
"""
_BUYERS = f"""
SELECT customer_id, max(occurred_at) AS last_at, sum(quantity) FROM users_event
WHERE item_id = %(item)s AND occurred_at >= %(since)s AND type = {int(EventType.PURCHASE)}
GROUP BY customer_id ORDER BY last_at DESC LIMIT %(limit)s
"""

# Cosine of the two items' buyers, up to a constant; the lines of an item stand for its buyers.
_TOGETHER = f"""
WITH buyer AS (
    SELECT customer_id FROM users_event
    WHERE item_id = %(item)s AND occurred_at >= %(since)s AND type = {int(EventType.PURCHASE)}
    GROUP BY customer_id ORDER BY max(occurred_at) DESC LIMIT {_NEIGHBOURHOOD}
), other AS (
    SELECT event.item_id, count(DISTINCT event.customer_id) AS buyers
    FROM buyer JOIN users_event AS event USING (customer_id)
    WHERE event.occurred_at >= %(since)s AND event.type = {int(EventType.PURCHASE)} AND event.item_id <> %(item)s
    GROUP BY event.item_id HAVING count(DISTINCT event.customer_id) > 1
)
SELECT other.item_id, other.buyers, (SELECT count(*) FROM buyer)
FROM other LEFT JOIN (
    SELECT item_id, sum(lines) AS lines FROM users_itemnorm GROUP BY item_id
) AS norm USING (item_id)
ORDER BY other.buyers / sqrt(coalesce(norm.lines, other.buyers)) DESC, other.item_id LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Week:
    """Sales of one week. `price` is the median paid per unit, None where nothing was sold; `day` is its Monday."""

    day: date
    units: int
    revenue: float
    price: float | None
    views: int


@dataclass(frozen=True, slots=True)
class ItemFigures:
    """What is known of an item from the last 52 weeks. Money is in the item's currency."""

    weeks: list[Week]
    buyers: int
    units: int
    revenue: Any
    refunded_units: int
    views: int
    suspects: int
    newest_buyers: list[tuple[Customer, datetime, int]]
    bought_together: list[tuple[Item, int, float]]  # with the number of shared buyers, and their share
    norm: ItemNorm | None


def item_figures(item: Item, *, now: datetime) -> ItemFigures:
    """Read the figures of one item, by the index of items and time."""
    monday = now.date() - timedelta(days=now.weekday())
    first = monday - timedelta(weeks=WEEKS - 1)
    values: dict[str, Any] = {
        "item": item.pk,
        "currency": item.currency,
        "since": datetime(first.year, first.month, first.day, tzinfo=now.tzinfo),
        "limit": SHOWN,
    }
    with connection.cursor() as cursor:
        cursor.execute(_WEEKS, values)
        found = {
            day: Week(day, units or 0, float(money or 0), _float(price), views)
            for day, units, money, price, views in cursor
        }
        cursor.execute(_TOTALS, values)
        buyers, units, revenue, refunded, views, suspects = cursor.fetchone()
        cursor.execute(_BUYERS, values)
        newest = cursor.fetchall()
        cursor.execute(_TOGETHER, values)
        together = cursor.fetchall()
    customers = Customer.objects.in_bulk([row[0] for row in newest])
    items = Item.objects.in_bulk([row[0] for row in together])
    days = [first + timedelta(weeks=number) for number in range(WEEKS)]
    return ItemFigures(
        weeks=[found.get(day, Week(day, 0, 0.0, None, 0)) for day in days] if found else [],
        buyers=buyers,
        units=units,
        revenue=revenue,
        refunded_units=refunded,
        views=views,
        suspects=suspects,
        newest_buyers=[(customers[pk], at, count or 0) for pk, at, count in newest if pk in customers],
        bought_together=[(items[pk], shared, shared / of) for pk, shared, of in together if pk in items],
        norm=ItemNorm.objects.filter(item=item, currency=item.currency).first(),
    )


def _float(value: Any) -> float | None:
    return None if value is None else float(value)
