"""Profiles: the service against one plain statement, written by hand, that computes the same columns."""

import time
from collections.abc import Callable

from django.db import connection
from rich.console import Console
from rich.table import Table

from benchmarks import big_shop
from users.profiles import refresh_due_profiles, refresh_profiles, refresh_standing

CHANGED = 1_000

# Everything at once: no ranges, no locks, no upsert, no index; the sizes of the shop are known, so nothing is bound.
_BY_HAND = """
CREATE UNLOGGED TABLE by_hand AS
WITH price_bounds AS (
    SELECT category_id, percentile_cont(ARRAY[0.2, 0.4, 0.6, 0.8]) WITHIN GROUP (ORDER BY price::float8) AS b
    FROM catalog_item WHERE currency = 'EUR' GROUP BY category_id
), bought AS MATERIALIZED (
    SELECT customer_id, count(*) AS orders, min(placed_at) AS first_at, max(placed_at) AS last_at,
           sum(total) AS paid, sum(refunded) AS refunded, avg((discount > 0 OR coupon_code <> '')::int) AS discounted
    FROM users_order WHERE status <> 'cancelled' AND currency = 'EUR' GROUP BY customer_id
), outside AS MATERIALIZED (
    SELECT customer_id, count(*) AS events, min(occurred_at) AS first_at, max(occurred_at) AS last_at,
           sum(price * quantity) FILTER (WHERE type = 7) AS refunded
    FROM users_event WHERE type IN (7, 12) AND {counts} GROUP BY customer_id
), fifths AS MATERIALIZED (
    SELECT percentile_cont(ARRAY[0.2, 0.4, 0.6, 0.8]) WITHIN GROUP (ORDER BY date_part('epoch', last_at)) AS r,
           percentile_cont(ARRAY[0.2, 0.4, 0.6, 0.8]) WITHIN GROUP (ORDER BY orders::float8) AS f,
           percentile_cont(ARRAY[0.2, 0.4, 0.6, 0.8]) WITHIN GROUP (ORDER BY (paid - refunded)::float8) AS m
    FROM bought
), inside AS (
    SELECT customer_id, count(*) AS events, min(occurred_at) AS first_at, max(occurred_at) AS last_at,
           ARRAY[{hours}] AS hours, ARRAY[{days}] AS days,
           count(*) FILTER (WHERE later IS NULL OR later - occurred_at > interval '30 minutes') AS sessions,
           mode() WITHIN GROUP (ORDER BY device) AS device,
           (array_agg(item_id) FILTER (WHERE item_id IS NOT NULL))[:20] AS items,
           (array_agg(occurred_at) FILTER (WHERE item_id IS NOT NULL))[:20] AS times
    FROM (
        SELECT customer_id, id, item_id, occurred_at, context ->> 'device' AS device,
               date_part('hour', occurred_at AT TIME ZONE zone)::smallint AS hour,
               date_part('isodow', occurred_at AT TIME ZONE zone)::smallint AS day,
               lag(occurred_at) OVER (PARTITION BY customer_id ORDER BY occurred_at DESC, id DESC) AS later
        FROM users_event
        JOIN (SELECT id AS customer_id, CASE time_zone WHEN '' THEN 'UTC' ELSE time_zone END AS zone
              FROM users_customer) AS home USING (customer_id)
        WHERE type NOT IN (7, 12) AND {counts}
    ) AS visit GROUP BY customer_id
), paid AS (
    SELECT customer_id, avg((event.price < item.list_price)::int) AS reduced, round(avg(1 +
           (event.price > b[1])::int + (event.price > b[2])::int + (event.price > b[3])::int +
           (event.price > b[4])::int)) AS band
    FROM users_event AS event JOIN catalog_item AS item ON item.id = item_id JOIN price_bounds USING (category_id)
    WHERE type = 6 AND event.currency = 'EUR' AND {counts} GROUP BY customer_id
), category AS ({categories}), brand AS ({brands})
SELECT customer.id AS customer_id, coalesce(inside.events, 0) + coalesce(outside.events, 0) AS event_count,
       least(inside.first_at, outside.first_at) AS first_event_at,
       greatest(inside.last_at, outside.last_at) AS last_event_at, coalesce(bought.orders, 0) AS order_count,
       bought.first_at AS first_order_at, bought.last_at AS last_order_at,
       coalesce(bought.paid, 0) - greatest(bought.refunded, outside.refunded, 0) AS revenue,
       round(bought.paid / nullif(bought.orders, 0), 2) AS average_order_value,
       CASE WHEN coalesce(inside.last_at, bought.last_at) IS NULL THEN ''
            WHEN greatest(inside.last_at, outside.last_at, bought.last_at) < now() - interval '180 days' THEN 'lapsed'
            WHEN greatest(inside.last_at, outside.last_at, bought.last_at) < now() - interval '90 days' THEN 'at_risk'
            WHEN bought.orders >= 3 AND bought.last_at >= now() - interval '90 days' THEN 'loyal'
            WHEN least(inside.first_at, outside.first_at, bought.first_at) >= now() - interval '30 days' THEN 'new'
            ELSE 'active' END AS lifecycle,
       1 + (date_part('epoch', bought.last_at) > r[1])::int + (date_part('epoch', bought.last_at) > r[2])::int
         + (date_part('epoch', bought.last_at) > r[3])::int + (date_part('epoch', bought.last_at) > r[4])::int
         AS recency_quintile,
       1 + (bought.orders > f[1])::int + (bought.orders > f[2])::int + (bought.orders > f[3])::int
         + (bought.orders > f[4])::int AS frequency_quintile,
       1 + (bought.paid > m[1])::int + (bought.paid > m[2])::int + (bought.paid > m[3])::int
         + (bought.paid > m[4])::int AS monetary_quintile,
       paid.band AS price_band, greatest(bought.discounted, paid.reduced) AS discount_affinity,
       category.names AS favourite_categories, category.shares AS category_weights, brand.names AS favourite_brands,
       brand.shares AS brand_weights, inside.hours AS active_hours, inside.days AS active_weekdays, inside.device,
       inside.sessions AS session_count, inside.items AS recent_items, inside.times AS recent_times
FROM users_customer AS customer CROSS JOIN fifths
LEFT JOIN inside ON inside.customer_id = customer.id LEFT JOIN outside ON outside.customer_id = customer.id
LEFT JOIN bought ON bought.customer_id = customer.id LEFT JOIN paid ON paid.customer_id = customer.id
LEFT JOIN category ON category.customer_id = customer.id LEFT JOIN brand ON brand.customer_id = customer.id
"""
_LIKED = """
    SELECT customer_id, (array_agg(name))[:5] AS names,
           (array_agg(weight))[:5] AS shares, sum(weight) AS total
    FROM (
        SELECT customer_id, {name} AS name, sum((ARRAY[1, 0, 4, 0, 3, 10, 0, 0, 0, 1])[type]
               * exp(1.3371e-7 * (date_part('epoch', occurred_at) - 1577836800))) AS weight
        FROM users_event JOIN catalog_item AS item ON item.id = item_id
        JOIN catalog_category AS category ON category.id = item.category_id
        WHERE type IN (1, 3, 5, 6, 10) AND {counts} GROUP BY customer_id, {name} ORDER BY customer_id, weight DESC
    ) AS liked GROUP BY customer_id
"""
# What cleaning has marked does not count.
_COUNTS = """(suspect > 0) IS NOT TRUE
    AND customer_id NOT IN (SELECT customer_id FROM users_botmark WHERE cleared_at IS NULL)"""


def run() -> None:
    """Measure and print."""
    big_shop.make_big_shop()
    by_hand = _seconds(_write_by_hand)
    first = _seconds(refresh_profiles)
    again = _seconds(refresh_profiles)
    with connection.cursor() as cursor:
        # An event a customer was received: as the marks that its trigger leaves.
        cursor.execute(
            "INSERT INTO users_profiledue (customer_id) SELECT id FROM users_customer ORDER BY md5(id::text) LIMIT %s",
            [CHANGED],
        )
    due = _seconds(refresh_due_profiles)
    standing = _seconds(refresh_standing)
    size = f"{big_shop.CUSTOMERS:,} customers, {big_shop.EVENTS:,} events"
    table = Table(title=f"Profiles of {size}", title_justify="left")
    for column in ("what", "seconds", "of the floor"):
        table.add_column(column, justify="left" if column == "what" else "right")
    table.add_row("floor: one statement by hand, CREATE TABLE AS", f"{by_hand:,.1f}", "100%")
    table.add_row("refresh_profiles: into an empty table", f"{first:,.1f}", f"{first / by_hand:.0%}")
    table.add_row("refresh_profiles: everyone again", f"{again:,.1f}", f"{again / by_hand:.0%}")
    table.add_row(f"refresh_due_profiles: {CHANGED:,} customers", f"{due:,.2f}", "")
    table.add_row("refresh_standing: stages and quintiles of today", f"{standing:,.1f}", "")
    Console().print(table)


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _write_by_hand() -> None:
    statement = _BY_HAND.format(
        hours=", ".join(f"count(*) FILTER (WHERE hour = {hour})" for hour in range(24)),
        days=", ".join(f"count(*) FILTER (WHERE day = {day})" for day in range(1, 8)),
        categories=_LIKED.format(name="category.external_id", counts=_COUNTS),
        brands=_LIKED.format(name="item.brand", counts=_COUNTS),
        counts=_COUNTS,
    )
    with connection.cursor() as cursor:
        cursor.execute("SET work_mem = '256MB'")
        cursor.execute(statement)
        cursor.execute("DROP TABLE by_hand")
        cursor.execute("RESET work_mem")
