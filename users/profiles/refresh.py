"""Compute profiles in one statement, for some customers or for all; both give the same rows."""

from collections.abc import Sequence

from django.conf import settings
from django.db import connection

# Money in other currencies than the shop's is left out rather than added up wrongly.
_REFRESH = """
INSERT INTO users_profile (customer_id, event_count, first_event_at, last_event_at, order_count, first_order_at,
                           last_order_at, revenue, average_order_value, refreshed_at)
SELECT customer.id, coalesce(behaviour.events, 0), behaviour.first_at, behaviour.last_at, coalesce(bought.orders, 0),
       bought.first_at, bought.last_at, coalesce(bought.revenue, 0) - coalesce(behaviour.refunded, 0),
       round(bought.revenue / nullif(bought.paid_orders, 0), 2), now()
FROM users_customer AS customer
LEFT JOIN (
    SELECT customer_id, count(*) AS events, min(occurred_at) AS first_at, max(occurred_at) AS last_at,
           sum(price * quantity) FILTER (WHERE type = 7 AND currency = %(currency)s) AS refunded
    FROM users_event WHERE %(all)s OR customer_id = ANY(%(ids)s) GROUP BY customer_id
) AS behaviour ON behaviour.customer_id = customer.id
LEFT JOIN (
    SELECT customer_id, count(*) AS orders, min(placed_at) AS first_at, max(placed_at) AS last_at,
           sum(total) FILTER (WHERE currency = %(currency)s) AS revenue,
           count(*) FILTER (WHERE currency = %(currency)s) AS paid_orders
    FROM users_order WHERE status <> 'cancelled' AND (%(all)s OR customer_id = ANY(%(ids)s)) GROUP BY customer_id
) AS bought ON bought.customer_id = customer.id
WHERE (%(all)s OR customer.id = ANY(%(ids)s)) AND customer.erased_at IS NULL AND customer.merged_into_id IS NULL
ORDER BY customer.id
ON CONFLICT (customer_id) DO UPDATE SET
    event_count = excluded.event_count, first_event_at = excluded.first_event_at,
    last_event_at = excluded.last_event_at, order_count = excluded.order_count,
    first_order_at = excluded.first_order_at, last_order_at = excluded.last_order_at, revenue = excluded.revenue,
    average_order_value = excluded.average_order_value, refreshed_at = excluded.refreshed_at
"""


def refresh_profiles(*, customer_ids: Sequence[int] | None = None) -> int:
    """Recompute the profiles of `customer_ids` (None: of everyone). Returns the number of rows written."""
    with connection.cursor() as cursor:
        cursor.execute(
            _REFRESH,
            {"all": customer_ids is None, "ids": list(customer_ids or []), "currency": settings.SHOP_CURRENCY},
        )
        return cursor.rowcount
