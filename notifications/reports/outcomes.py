"""What the customers of each arm bought, whoever of them opened or clicked anything (intention to treat).

Both arms are measured over the same time: from the moment at which a customer was, or would have been, written to,
until the end of the attribution window. A customer decided in several runs counts once, in the first arm.
"""

from dataclasses import dataclass, fields, replace
from decimal import Decimal
from typing import Any

from django.db import connection

from notifications.choices import RecipientStatus, RedemptionState
from notifications.decisions.arms import HOLD_OUT
from notifications.models import Campaign
from notifications.reports.statistics import Interval, Sample, wilson
from users.choices import OrderStatus

_OUTCOMES = f"""
WITH decided AS MATERIALIZED (
    SELECT recipient.customer_id, recipient.run_id, recipient.arm, recipient.send_at
    FROM notifications_recipient recipient JOIN notifications_run run ON run.id = recipient.run_id
    WHERE run.campaign_id = %(campaign)s
        AND recipient.status IN ('{RecipientStatus.PLANNED}', '{RecipientStatus.HELD_OUT}')
), unit AS (
    SELECT customer_id, (array_agg(arm ORDER BY send_at, run_id))[1] AS arm FROM decided GROUP BY customer_id
), bought AS (
    SELECT customer_id, count(*) AS orders, sum(paid) AS revenue FROM (
        SELECT DISTINCT placed.id, placed.customer_id, placed.total - placed.refunded AS paid
        FROM decided JOIN users_order placed ON placed.customer_id = decided.customer_id
            AND placed.placed_at >= decided.send_at
            AND placed.placed_at < decided.send_at + make_interval(days => %(days)s)
        WHERE placed.status = '{OrderStatus.PLACED}' AND placed.currency = %(currency)s
    ) AS placed GROUP BY customer_id
), redeemed AS (
    SELECT coupon.customer_id, count(*) AS redemptions, sum(redemption.amount) AS cost
    FROM notifications_run run
    JOIN notifications_coupon coupon ON coupon.run_id = run.id
    JOIN notifications_redemption redemption ON redemption.coupon_id = coupon.id
    WHERE run.campaign_id = %(campaign)s AND redemption.state = '{RedemptionState.COMMITTED}'
    GROUP BY coupon.customer_id
)
SELECT unit.arm, count(*), count(bought.orders), coalesce(sum(bought.orders), 0)::bigint,
    coalesce(sum(bought.revenue), 0), coalesce(sum(bought.revenue ^ 2), 0),
    coalesce(sum(redeemed.redemptions), 0)::bigint, coalesce(sum(redeemed.cost), 0)
FROM unit LEFT JOIN bought USING (customer_id) LEFT JOIN redeemed USING (customer_id)
GROUP BY unit.arm ORDER BY unit.arm
"""


@dataclass(frozen=True)
class ArmOutcome:
    """One arm. `revenue` is what was paid, coupons and refunds already off; `coupon_cost` is what the coupons took."""

    arm: str
    customers: int = 0
    buyers: int = 0
    orders: int = 0
    revenue: Decimal = Decimal(0)
    revenue_squares: Decimal = Decimal(0)
    redemptions: int = 0
    coupon_cost: Decimal = Decimal(0)

    @property
    def is_hold_out(self) -> bool:
        return self.arm == HOLD_OUT

    @property
    def conversion(self) -> Interval | None:
        """Share of buyers with its 95% interval; None without customers."""
        return wilson(self.buyers, self.customers) if self.customers else None

    @property
    def revenue_per_customer(self) -> float:
        return float(self.revenue) / self.customers if self.customers else 0.0

    @property
    def revenue_sample(self) -> Sample:
        return Sample.from_sums(self.customers, float(self.revenue), float(self.revenue_squares))


def arm_outcomes(campaign: Campaign, *, currency: str) -> list[ArmOutcome]:
    """The outcome of every arm of `campaign`; orders in another currency are left out."""
    with connection.cursor() as cursor:
        cursor.execute(_OUTCOMES, {"campaign": campaign.pk, "currency": currency, "days": campaign.attribution_days})
        return [ArmOutcome(*row) for row in cursor.fetchall()]


def total_outcome(outcomes: list[ArmOutcome], *, arm: str) -> ArmOutcome:
    """Several arms as one."""
    empty = ArmOutcome(arm)
    names = [field.name for field in fields(ArmOutcome) if field.name != "arm"]
    sums: dict[str, Any] = {
        name: sum((getattr(each, name) for each in outcomes), start=getattr(empty, name)) for name in names
    }
    return replace(empty, **sums)
