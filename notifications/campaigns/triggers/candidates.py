"""Who may enter a campaign, by kind of trigger: SQL over what happened after `since` and not after `until`.

Each statement selects `customer_id`, `occurred_at`, `items` and `details` (JSON), at most one row per customer. It
reads by an index on time, so that a look costs what happened since the last one, and binds `detect.look_parameters`.
"""

from notifications.choices import RecipientStatus, TriggerKind
from notifications.membership import reminders
from users.choices import EventType, OrderStatus
from users.profiles.definitions import COUNTED

MOST_ITEMS = 10
_AVAILABLE = "item.is_active AND (item.stock IS NULL OR item.stock > 0)"
_NOTHING = "'[]'::jsonb AS items, '{}'::jsonb AS details"


def _last_event(condition: str) -> str:
    """The last event of each customer; what it was about is found when the message is due."""
    return f"""
SELECT event.customer_id, max(event.occurred_at) AS occurred_at, {_NOTHING}
FROM users_event AS event
WHERE {condition} AND event.occurred_at > %(since)s AND event.occurred_at <= %(until)s AND {COUNTED}
GROUP BY event.customer_id"""


_EVENT = f"""
SELECT DISTINCT ON (event.customer_id) event.customer_id, event.occurred_at,
    CASE WHEN event.item_id IS NULL THEN '[]'::jsonb
        ELSE jsonb_build_array(jsonb_build_object('item', event.item_id)) END AS items,
    '{{}}'::jsonb AS details
FROM users_event AS event
WHERE event.type = %(event_type)s AND event.occurred_at > %(since)s AND event.occurred_at <= %(until)s
    AND (%(event_name)s = '' OR event.context->>'event' = %(event_name)s) AND {COUNTED}
ORDER BY event.customer_id, event.occurred_at DESC"""

_AFTER_PURCHASE = f"""
SELECT DISTINCT ON (placed.customer_id) placed.customer_id, placed.placed_at AS occurred_at,
    coalesce((
        SELECT jsonb_agg(jsonb_build_object('item', line.item_id, 'quantity', line.quantity) ORDER BY line.price DESC)
        FROM users_event line
        WHERE line.customer_id = placed.customer_id AND line.occurred_at = placed.placed_at
            AND line.order_id = placed.id AND line.type = {EventType.PURCHASE} AND line.item_id IS NOT NULL
    ), '[]') AS items, '{{}}'::jsonb AS details
FROM users_order placed
WHERE placed.placed_at > %(since)s AND placed.placed_at <= %(until)s AND placed.status = '{OrderStatus.PLACED}'
ORDER BY placed.customer_id, placed.placed_at DESC"""

_INTERESTS = f"{EventType.VIEW}, {EventType.WISHLIST}, {EventType.ADD_TO_CART}"


def _interested(changed: str) -> str:
    """Who looked at, wished for or took an item in the last `days`, and has not bought it since.

    `changed` selects `item_id`, `changed_at`, `rank` and `line` of items that changed.
    """
    return f"""
WITH changed AS MATERIALIZED ({changed}), interest AS (
    SELECT event.customer_id, changed.item_id, changed.changed_at, changed.line, changed.rank,
        max(event.occurred_at) AS met_at
    FROM changed JOIN users_event AS event ON event.item_id = changed.item_id
        AND event.occurred_at > changed.changed_at - %(days)s AND event.occurred_at <= changed.changed_at
    WHERE event.type IN ({_INTERESTS}) AND {COUNTED}
    GROUP BY 1, 2, 3, 4, 5
)
SELECT interest.customer_id, max(interest.changed_at) AS occurred_at,
    jsonb_agg(interest.line ORDER BY interest.rank, interest.met_at DESC) AS items, '{{}}'::jsonb AS details
FROM interest
WHERE NOT EXISTS (
    SELECT FROM users_event bought WHERE bought.item_id = interest.item_id
        AND bought.customer_id = interest.customer_id AND bought.type = {EventType.PURCHASE}
        AND bought.occurred_at >= interest.met_at
)
GROUP BY interest.customer_id"""


_PRICE_DROP = _interested(f"""
    SELECT DISTINCT ON (change.item_id) change.item_id, change.changed_at,
        item.price / change.price_before AS rank,
        jsonb_build_object('item', change.item_id, 'was', change.price_before) AS line
    FROM catalog_itemchange change JOIN catalog_item item ON item.id = change.item_id
    WHERE change.changed_at > %(since)s AND change.changed_at <= %(until)s AND change.price_before > 0
        AND change.currency = item.currency AND item.price <= change.price_before * (1 - %(share)s) AND {_AVAILABLE}
    ORDER BY change.item_id, change.changed_at DESC""")

_BACK_IN_STOCK = _interested(f"""
    SELECT change.item_id, max(change.changed_at) AS changed_at, 0 AS rank,
        jsonb_build_object('item', change.item_id) AS line
    FROM catalog_itemchange change JOIN catalog_item item ON item.id = change.item_id
    WHERE change.changed_at > %(since)s AND change.changed_at <= %(until)s
        AND change.is_available AND NOT change.was_available AND {_AVAILABLE}
    GROUP BY change.item_id""")

# By content at once: the customer's two favourite categories or brands. By the model as soon as it knows the item.
_NEW_ITEM = f"""
WITH fresh AS MATERIALIZED (
    SELECT item.id, item.brand, category.external_id AS category, item.created_at
    FROM catalog_item item LEFT JOIN catalog_category category ON category.id = item.category_id
    WHERE item.created_at > %(since)s - %(days)s AND item.created_at <= %(until)s AND {_AVAILABLE}
), wanted AS (
    SELECT profile.customer_id, fresh.id AS item_id, fresh.created_at AS at, 2 AS rank
    FROM fresh JOIN users_profile profile ON fresh.category = ANY(profile.favourite_categories[1:2])
        OR (fresh.brand <> '' AND fresh.brand = ANY(profile.favourite_brands[1:2]))
    WHERE fresh.created_at > %(since)s
    UNION ALL
    SELECT stored.customer_id, fresh.id, stored.scored_at, 1
    FROM recommendations_recommendation stored CROSS JOIN LATERAL unnest(stored.item_ids[1:{MOST_ITEMS}]) AS best (id)
    JOIN fresh ON fresh.id = best.id
    WHERE stored.scored_at > %(since)s AND stored.scored_at <= %(until)s
), ranked AS (
    SELECT customer_id, item_id, max(at) AS at, min(rank) AS rank,
        row_number() OVER (PARTITION BY customer_id ORDER BY min(rank), max(at) DESC, item_id) AS place
    FROM wanted GROUP BY customer_id, item_id
)
SELECT customer_id, max(at) AS occurred_at,
    jsonb_agg(jsonb_build_object('item', item_id) ORDER BY place) AS items, '{{}}'::jsonb AS details
FROM ranked WHERE place <= {MOST_ITEMS} GROUP BY customer_id"""

# Whoever has lapsed, and where a `share` is given, whoever the model expects to leave.
_WIN_BACK = f"""
SELECT leaving.customer_id, max(leaving.at) AS occurred_at, {_NOTHING}
FROM (
    SELECT profile.customer_id, profile.last_order_at + %(days)s AS at FROM users_profile profile
    WHERE profile.last_order_at > %(since)s - %(days)s AND profile.last_order_at <= %(until)s - %(days)s
    UNION ALL
    SELECT predicted.customer_id, predicted.computed_at FROM recommendations_prediction predicted
    JOIN users_profile profile ON profile.customer_id = predicted.customer_id AND profile.order_count > 0
    WHERE predicted.churn >= %(share)s::float8
        AND predicted.computed_at > %(since)s AND predicted.computed_at <= %(until)s
) AS leaving GROUP BY leaving.customer_id"""

# Whoever was born on 29 February celebrates on the 28th where there is no 29th. `local_*` are the days that have come
# to the hour of the trigger since the last look, in every time zone.
_BIRTHDAY = f"""
WITH local AS MATERIALIZED (
    SELECT zone, moment, to_char(day + %(days)s, 'MMDD') AS day, CASE WHEN to_char(day + %(days)s, 'MMDD') = '0228'
        AND to_char(day + %(days)s + interval '1 day', 'MMDD') = '0301' THEN '0229' END AS leap_day
    FROM unnest(%(local_zones)s::text[], %(local_days)s::date[], %(local_moments)s::timestamptz[])
        AS local (zone, day, moment)
)
SELECT c.id AS customer_id, max(local.moment) AS occurred_at, {_NOTHING}
FROM users_customer c JOIN local ON to_char(c.birth_date, 'MMDD') IN (local.day, local.leap_day)
    AND local.zone = CASE WHEN c.time_zone = ANY(%(known_zones)s) THEN c.time_zone ELSE %(shop_zone)s END
WHERE c.birth_date IS NOT NULL
GROUP BY c.id"""

# `membership.reminders` finds them by names of its own, which `detect.look_parameters` binds for these kinds.
_COUPON_EXPIRING = f"""
SELECT soon.customer_id, soon.occurred_at - %(days)s AS occurred_at, '[]'::jsonb AS items,
    jsonb_build_object('coupon', split_part(soon.reference, ':', 2)::bigint) AS details
FROM ({reminders.COUPONS}) AS soon"""

_POINTS_EXPIRING = f"""
SELECT soon.customer_id, soon.occurred_at - %(days)s AS occurred_at, {_NOTHING} FROM ({reminders.POINTS}) AS soon"""

_TIER_CHANGE = f"SELECT moved.customer_id, moved.occurred_at, {_NOTHING} FROM ({reminders.TIERS}) AS moved"

_PARTNER = f"""
SELECT profile.customer_id, %(until)s::timestamptz AS occurred_at, {_NOTHING}
FROM users_profile profile
WHERE profile.refreshed_at > %(since)s AND profile.refreshed_at <= %(until)s
    AND profile.brand_weights[array_position(profile.favourite_brands, %(brand)s)] >= %(share)s"""

# Those held out of a journey go along without a message, so that the whole journey can be compared.
_FOLLOW_UP = f"""
SELECT DISTINCT ON (decided.customer_id) decided.customer_id, decided.at AS occurred_at,
    coalesce(way.items, '[]') AS items,
    coalesce(way.details, '{{}}') || jsonb_build_object('step', decided.id) AS details
FROM (
    SELECT recipient.id, recipient.run_id, recipient.customer_id, coalesce(message.sent_at, recipient.send_at) AS at
    FROM notifications_run run JOIN notifications_recipient recipient ON recipient.run_id = run.id
    LEFT JOIN notifications_message message ON message.recipient_id = recipient.id
    WHERE run.campaign_id = %(previous)s AND run.scheduled_at > %(since)s - interval '7 days'
        AND (recipient.status = '{RecipientStatus.HELD_OUT}' OR message.sent_at IS NOT NULL)
) AS decided
LEFT JOIN notifications_enrolment way ON way.run_id = decided.run_id AND way.customer_id = decided.customer_id
WHERE decided.at > %(since)s AND decided.at <= %(until)s
ORDER BY decided.customer_id, decided.at DESC"""

CANDIDATES: dict[str, str] = {
    TriggerKind.CART_ABANDONED: _last_event(f"event.type = {EventType.ADD_TO_CART}"),
    TriggerKind.BROWSE_ABANDONED: _last_event(f"event.type = {EventType.VIEW} AND event.item_id IS NOT NULL"),
    TriggerKind.AFTER_PURCHASE: _AFTER_PURCHASE,
    TriggerKind.PRICE_DROP: _PRICE_DROP,
    TriggerKind.BACK_IN_STOCK: _BACK_IN_STOCK,
    TriggerKind.NEW_ITEM: _NEW_ITEM,
    TriggerKind.WIN_BACK: _WIN_BACK,
    TriggerKind.BIRTHDAY: _BIRTHDAY,
    TriggerKind.TIER_CHANGE: _TIER_CHANGE,
    TriggerKind.POINTS_EXPIRING: _POINTS_EXPIRING,
    TriggerKind.COUPON_EXPIRING: _COUPON_EXPIRING,
    TriggerKind.PARTNER: _PARTNER,
    TriggerKind.EVENT: _EVENT,
    TriggerKind.FOLLOW_UP: _FOLLOW_UP,
}
