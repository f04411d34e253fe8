"""Reservations that nobody committed give their use and their money back."""

from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from notifications.choices import RedemptionState

BATCH = 1_000

# The locks come in the order of `offers.redeem`: coupons, redemptions, offers; several offers by their id. A coupon
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
    RETURNING coupon_id, amount
), given_back AS (
    UPDATE notifications_coupon coupon SET uses = coupon.uses - per_coupon.uses
    FROM (SELECT coupon_id, count(*) AS uses FROM released GROUP BY coupon_id) per_coupon
    WHERE coupon.id = per_coupon.coupon_id
)
SELECT coupon.offer_id, sum(released.amount), count(*)
FROM released JOIN notifications_coupon coupon ON coupon.id = released.coupon_id
GROUP BY coupon.offer_id ORDER BY coupon.offer_id
"""
_GIVE_BUDGET_BACK = "UPDATE notifications_offer SET reserved = reserved - %s WHERE id = %s"


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
        per_offer = cursor.fetchall()
        for offer_id, amount, _count in per_offer:
            cursor.execute(_GIVE_BUDGET_BACK, [amount, offer_id])
    return sum(count for _offer, _amount, count in per_offer)
