"""The profile of customers as one SELECT.

Its parts read the events or orders of the same customers: `scope` tests `customer_id`, `customers` tests `customer.id`.
"""

import math

from users.choices import EventType, OrderStatus, ProfileMeasure
from users.profiles.definitions import (
    COUNTED,
    FAVOURITES,
    HALF_LIFE,
    INTEREST,
    NOT_VISITS,
    RECENT_ITEMS,
    SESSION_GAP,
)
from users.profiles.stages import FREQUENCY, LIFECYCLE, MONETARY, RECENCY, fifth

COLUMNS = (
    *("customer_id", "event_count", "first_event_at", "last_event_at", "order_count", "first_order_at"),
    *("last_order_at", "revenue", "average_order_value", "lifecycle", "recency_quintile", "frequency_quintile"),
    *("monetary_quintile", "price_band", "discount_affinity", "favourite_categories", "category_weights"),
    *("favourite_brands", "brand_weights", "active_hours", "active_weekdays", "device", "session_count"),
    *("recent_items", "recent_times", "refreshed_at"),
)

PRESENT = "customer.erased_at IS NULL AND customer.merged_into_id IS NULL"

# Money in other currencies than the shop's is left out rather than added up wrongly; so is that of an order with a
# suspect line, which was placed all the same.
_PAID = "FILTER (WHERE currency = %(currency)s AND suspect.order_id IS NULL)"
BOUGHT = f"""
    SELECT customer_id, count(*) AS orders, min(placed_at) AS first_at, max(placed_at) AS last_at,
           sum(total) {_PAID} AS paid, sum(refunded) {_PAID} AS refunded, count(*) {_PAID} AS paid_orders,
           avg((discount > 0 OR coupon_code <> '')::int) AS discounted
    FROM users_order LEFT JOIN (
        SELECT DISTINCT order_id FROM users_event WHERE suspect > 0 AND order_id IS NOT NULL AND {{scope}}
    ) AS suspect ON suspect.order_id = users_order.id
    WHERE status <> '{OrderStatus.CANCELLED}' AND {{scope}} GROUP BY customer_id"""

_OUTSIDE = f"type IN ({', '.join(f'{kind:d}' for kind in NOT_VISITS)})"
OUTSIDE = f"""
    SELECT customer_id, count(*) AS events, min(occurred_at) AS first_at, max(occurred_at) AS last_at,
           sum(price * quantity) FILTER (WHERE type = {EventType.REFUND:d} AND currency = %(currency)s) AS refunded
    FROM users_event AS event WHERE {_OUTSIDE} AND {{scope}} AND {COUNTED} GROUP BY customer_id"""

# A refund may be told as an event, on its order, or both; adding them up would take it off twice.
REVENUE = "coalesce(bought.paid, 0) - greatest(bought.refunded, outside.refunded, 0)"

_HOURS = ", ".join(f"count(*) FILTER (WHERE hour = {hour})" for hour in range(24))
_WEEKDAYS = ", ".join(f"count(*) FILTER (WHERE weekday = {day})" for day in range(1, 8))
_BACKWARDS = "ORDER BY occurred_at DESC, id DESC"
_INSIDE = f"""
    SELECT customer_id, count(*) AS events, min(occurred_at) AS first_at, max(occurred_at) AS last_at,
           ARRAY[{_HOURS}] AS hours, ARRAY[{_WEEKDAYS}] AS weekdays,
           count(*) FILTER (WHERE later IS NULL OR later - occurred_at > interval '{SESSION_GAP}') AS sessions,
           coalesce(mode() WITHIN GROUP (ORDER BY device), '') AS device,
           (array_agg(item_id {_BACKWARDS}) FILTER (WHERE item_id IS NOT NULL))[:{RECENT_ITEMS}] AS items,
           (array_agg(occurred_at {_BACKWARDS}) FILTER (WHERE item_id IS NOT NULL))[:{RECENT_ITEMS}] AS times
    FROM (
        SELECT customer_id, id, item_id, occurred_at, left(nullif(context ->> 'device', ''), 16) AS device,
               date_part('hour', occurred_at AT TIME ZONE zone)::smallint AS hour,
               date_part('isodow', occurred_at AT TIME ZONE zone)::smallint AS weekday,
               lag(occurred_at) OVER (PARTITION BY customer_id {_BACKWARDS}) AS later
        FROM users_event AS event
        JOIN (SELECT id AS customer_id, coalesce(nullif(time_zone, ''), %(zone)s) AS zone
              FROM users_customer AS customer WHERE {{customers}}) AS home USING (customer_id)
        WHERE NOT {_OUTSIDE} AND {{scope}} AND {COUNTED}
    ) AS visit GROUP BY customer_id"""

_PAID = f"""
    SELECT customer_id, round(avg({fifth("event.price::float8", "coalesce(own.bounds, shop.bounds)")})) AS band,
           avg((event.price < item.list_price)::int) AS reduced
    FROM users_event AS event
    JOIN catalog_item AS item ON item.id = event.item_id
    LEFT JOIN users_profilebounds AS own
           ON own.measure = '{ProfileMeasure.PRICE}' AND own.category_id = item.category_id
    LEFT JOIN users_profilebounds AS shop ON shop.measure = '{ProfileMeasure.PRICE}' AND shop.category_id IS NULL
    WHERE type = {EventType.PURCHASE:d} AND event.currency = %(currency)s AND {{scope}} AND {COUNTED}
    GROUP BY customer_id"""

# Weights count from a fixed day: all decay alike from then on, so that shares do not change as time passes.
_DECAYED = f"exp({math.log(2) / HALF_LIFE.total_seconds()} * (date_part('epoch', occurred_at) - 1577836800))"
_WEIGHT = f"CASE type {' '.join(f'WHEN {kind:d} THEN {weight}' for kind, weight in INTEREST.items())} END * {_DECAYED}"
_TELLING = f"type IN ({', '.join(f'{kind:d}' for kind in INTEREST)})"


_SHARES = ", ".join(f"floor(1e4 * weights[{place}] / total + 0.500001) / 1e4" for place in range(1, FAVOURITES + 1))


# The best categories (`of_brands` 0) and brands (1) of each customer, in one pass over the events.
#
# A sum of floats depends on its order in the last digit: so weights are compared in single precision, and an odd half
# keeps round shares such as 1/32 away from the edge of rounding.
_FAVOURITES = f"""
    SELECT customer_id, of_brands, names[:{FAVOURITES}] AS names,
           (ARRAY[{_SHARES}])[:cardinality(names)] AS shares
    FROM (
        SELECT customer_id, of_brands, sum(weight) AS total,
               array_agg(name ORDER BY weight::real DESC, name) AS names,
               array_agg(weight ORDER BY weight::real DESC, name) AS weights
        FROM (
            SELECT customer_id, grouping(category.external_id) AS of_brands, sum({_WEIGHT}) AS weight,
                   coalesce(category.external_id, item.brand) AS name
            FROM users_event AS event
            JOIN catalog_item AS item ON item.id = event.item_id
            LEFT JOIN catalog_category AS category ON category.id = item.category_id
            WHERE {_TELLING} AND {{scope}} AND {COUNTED}
            GROUP BY GROUPING SETS ((customer_id, category.external_id), (customer_id, item.brand))
        ) AS liked WHERE name <> '' GROUP BY customer_id, of_brands
    ) AS ranked"""


_RAW = f"""
    SELECT customer.id AS customer_id, coalesce(inside.events, 0) + coalesce(outside.events, 0) AS event_count,
           least(inside.first_at, outside.first_at) AS first_event_at,
           greatest(inside.last_at, outside.last_at) AS last_event_at,
           coalesce(bought.orders, 0) AS order_count, bought.first_at AS first_order_at,
           bought.last_at AS last_order_at, {REVENUE} AS revenue,
           round(bought.paid / nullif(bought.paid_orders, 0), 2) AS average_order_value,
           paid.band AS price_band, round(greatest(bought.discounted, paid.reduced), 4) AS discount_affinity,
           coalesce(category.names, '{{{{}}}}') AS favourite_categories,
           coalesce(category.shares, '{{{{}}}}') AS category_weights,
           coalesce(brand.names, '{{{{}}}}') AS favourite_brands, coalesce(brand.shares, '{{{{}}}}') AS brand_weights,
           coalesce(inside.hours, '{{{{}}}}') AS active_hours, coalesce(inside.weekdays, '{{{{}}}}') AS active_weekdays,
           coalesce(inside.device, '') AS device, coalesce(inside.sessions, 0) AS session_count,
           coalesce(inside.items, '{{{{}}}}') AS recent_items, coalesce(inside.times, '{{{{}}}}') AS recent_times
    FROM users_customer AS customer
    LEFT JOIN ({_INSIDE}) AS inside ON inside.customer_id = customer.id
    LEFT JOIN ({OUTSIDE}) AS outside ON outside.customer_id = customer.id
    LEFT JOIN ({BOUGHT}) AS bought ON bought.customer_id = customer.id
    LEFT JOIN ({_PAID}) AS paid ON paid.customer_id = customer.id
    LEFT JOIN favourite AS category ON category.customer_id = customer.id AND category.of_brands = 0
    LEFT JOIN favourite AS brand ON brand.customer_id = customer.id AND brand.of_brands = 1
    WHERE {PRESENT} AND {{customers}}"""

_COMPARED = {
    "lifecycle": LIFECYCLE,
    "recency_quintile": RECENCY,
    "frequency_quintile": FREQUENCY,
    "monetary_quintile": MONETARY,
    "refreshed_at": "%(as_of)s::timestamptz",
}
PROFILES = f"""
    WITH favourite AS MATERIALIZED ({_FAVOURITES})
    SELECT {", ".join(f"{_COMPARED[name]} AS {name}" if name in _COMPARED else name for name in COLUMNS)}
    FROM ({_RAW}) AS raw"""
