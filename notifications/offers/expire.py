"""Reservations that nobody committed give their use and their money back."""

from itertools import groupby
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from notifications.choices import RedemptionState

BATCH = 1_000

# The locks come in the order of `offers.redeem`: coupons, redemptions, offers by their id, uses of customers. A coupon
# that a checkout holds right now is skipped and seen again by the next turn.
_LOCK_COUPONS = """
SELECT coupon.id FROM notifications_coupon coupon
WHERE coupon.id IN (SELECT coupon_id FROM notifications_redemption
                    WHERE state = %(reserved)s AND expires_at <= %(now)s ORDER BY expires_at LIMIT %(batch)s)
ORDER BY coupon.id FOR UPDATE SKIP LOCKED
"""
_RELEASE = """
WITH released AS (
    UPDATE notifications_redemption SET state = %(released)s, released_at = %(now)s
    WHERE coupon_id = ANY(%(coupons)s) AND state = %(reserved)s AND expires_at <= %(now)s
    RETURNING coupon_id, cost
), given_back AS (
    UPDATE notifications_coupon coupon SET uses = coupon.uses - per_coupon.uses
    FROM (SELECT coupon_id, count(*) AS uses FROM released GROUP BY coupon_id) per_coupon
    WHERE coupon.id = per_coupon.coupon_id
)
SELECT coupon.offer_id, coalesce(customer.merged_into_id, customer.id), sum(released.cost), count(*)
FROM released
JOIN notifications_coupon coupon ON coupon.id = released.coupon_id
JOIN users_customer customer ON customer.id = coupon.customer_id
GROUP BY 1, 2 ORDER BY 1, 2
"""
_GIVE_BUDGET_BACK = "UPDATE notifications_offer SET reserved = reserved - %s, redeemed = redeemed - %s WHERE id = %s"
_GIVE_USES_BACK = """
UPDATE notifications_offeruse AS known SET uses = greatest(known.uses - given.uses, 0)
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS given (offer_id, customer_id, uses)
WHERE known.offer_id = given.offer_id AND known.customer_id = given.customer_id
"""


def release_expired_reservations() -> int:
    """Release every reservation whose time is over; returns how many. Safe to run anywhere, any number of times."""
    total = 0
    while released := _release_batch():
        total += released
    return total


@transaction.atomic
def _release_batch() -> int:
    values: dict[str, Any] = {
        "reserved": RedemptionState.RESERVED,
        "released": RedemptionState.RELEASED,
        "now": timezone.now(),
        "batch": BATCH,
    }
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_COUPONS, values)
        coupons = [row[0] for row in cursor.fetchall()]
        if not coupons:
            return 0
        cursor.execute(_RELEASE, {**values, "coupons": coupons})
        given = cursor.fetchall()
        for offer_id, rows in groupby(given, key=lambda row: row[0]):
            of_offer = list(rows)
            cost, uses = sum(row[2] for row in of_offer), sum(row[3] for row in of_offer)
            cursor.execute(_GIVE_BUDGET_BACK, [cost, uses, offer_id])
        offers, customers, _costs, uses = map(list, zip(*given, strict=True)) if given else ([], [], [], [])
        cursor.execute(_GIVE_USES_BACK, [offers, customers, uses])
    return sum(uses)
