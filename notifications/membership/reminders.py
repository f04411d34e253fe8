"""Whom to remind: points and coupons about to expire, tiers that changed. Each is a SELECT that triggers can use.

Each selects (customer_id, occurred_at, reference): when the reminded thing happens or happened, and a text that is the
same each time the same thing is found, so that nobody is reminded of it twice. Customers who were erased or joined to
others are not among them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from notifications.choices import CouponStatus

_PRESENT = "customer.erased_at IS NULL AND customer.merged_into_id IS NULL"

# Debits use up the credits that expire first, so what expires by a day are the credits that do, less all debits.
POINTS = f"""
SELECT account.customer_id, soon.expires_at AS occurred_at,
       'points:' || to_char(soon.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS reference
FROM (
    SELECT entry.customer_id, min(entry.expires_at) AS expires_at FROM notifications_pointsentry entry
    WHERE entry.points > 0 AND entry.expires_at > %(now)s AND entry.expires_at <= %(until)s
    GROUP BY entry.customer_id
) AS soon
JOIN notifications_pointsaccount account ON account.customer_id = soon.customer_id AND account.balance > 0
JOIN users_customer customer ON customer.id = account.customer_id AND {_PRESENT}
WHERE account.debited < (
    SELECT sum(entry.points) FROM notifications_pointsentry entry
    WHERE entry.customer_id = account.customer_id AND entry.points > 0 AND entry.expires_at <= %(until)s
)
"""
COUPONS = f"""
SELECT coupon.customer_id, min(coupon.valid_until) AS occurred_at, 'coupon:' || min(coupon.id) AS reference
FROM notifications_coupon coupon
JOIN users_customer customer ON customer.id = coupon.customer_id AND {_PRESENT}
WHERE coupon.status = '{CouponStatus.ISSUED}' AND coupon.uses < coupon.max_uses AND coupon.valid_from <= %(now)s
  AND coupon.valid_until > %(now)s AND coupon.valid_until <= %(until)s
GROUP BY coupon.customer_id
"""
TIERS = f"""
SELECT change.customer_id, max(change.at) AS occurred_at, 'tier:' || max(change.id) AS reference
FROM notifications_tierchange change
JOIN users_customer customer ON customer.id = change.customer_id AND {_PRESENT}
WHERE change.at > %(since)s AND change.at <= %(now)s AND (%(tier)s::bigint IS NULL OR change.after_id = %(tier)s)
GROUP BY change.customer_id
"""


@dataclass(frozen=True, slots=True)
class Reminders:
    """A SELECT of (customer_id, occurred_at, reference), each customer at most once, with its named parameters."""

    sql: str
    params: dict[str, Any]


def points_about_to_expire(*, within: timedelta, now: datetime) -> Reminders:
    """Customers of whose points some expire within that time."""
    return Reminders(POINTS, {"now": now, "until": now + within})


def coupons_about_to_expire(*, within: timedelta, now: datetime) -> Reminders:
    """Customers who hold a valid, unused coupon that expires within that time."""
    return Reminders(COUPONS, {"now": now, "until": now + within})


def tier_changes(*, since: datetime, now: datetime, tier_id: int | None = None) -> Reminders:
    """Customers whose tier changed after `since`, to `tier_id` where one is given."""
    return Reminders(TIERS, {"since": since, "now": now, "tier": tier_id})
