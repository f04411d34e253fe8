"""Orders that follow a campaign's messages directly: by its coupon, or within the window after a click.

This is what a shop sees by itself. It says nothing about who would have bought anyway; the comparison with the
hold-out in `reports` does.
"""

from dataclasses import dataclass
from decimal import Decimal

from django.db import connection

from notifications.models import Campaign
from users.choices import OrderStatus

# An order is counted once; the coupon is the stronger reason.
_ATTRIBUTED = f"""
SELECT reason, count(*), coalesce(sum(paid), 0) FROM (
    SELECT placed.total - placed.refunded AS paid,
        CASE WHEN bool_or(placed.coupon_code <> '' AND upper(placed.coupon_code) = coupon.code) THEN 'coupon'
            ELSE 'click' END AS reason
    FROM notifications_run run
    JOIN notifications_message message ON message.run_id = run.id
    JOIN notifications_recipient recipient ON recipient.id = message.recipient_id
    LEFT JOIN notifications_coupon coupon ON coupon.id = recipient.coupon_id
    JOIN users_order placed ON placed.customer_id = message.customer_id
        AND placed.status = '{OrderStatus.PLACED}' AND placed.currency = %(currency)s
        AND ((placed.coupon_code <> '' AND upper(placed.coupon_code) = coupon.code)
            OR (placed.placed_at >= message.first_clicked_at
                AND placed.placed_at < message.first_clicked_at + make_interval(days => %(days)s)))
    WHERE run.campaign_id = %(campaign)s
    GROUP BY placed.id
) AS attributed GROUP BY reason
"""


@dataclass(frozen=True)
class Attributed:
    """Orders and what was paid for them, refunds taken off."""

    orders: int = 0
    revenue: Decimal = Decimal(0)


def attributed_orders(campaign: Campaign, *, currency: str) -> dict[str, Attributed]:
    """Orders by their reason, `coupon` or `click`."""
    with connection.cursor() as cursor:
        cursor.execute(_ATTRIBUTED, {"campaign": campaign.pk, "currency": currency, "days": campaign.attribution_days})
        found = {reason: Attributed(orders, revenue) for reason, orders, revenue in cursor.fetchall()}
    return {reason: found.get(reason, Attributed()) for reason in ("coupon", "click")}
