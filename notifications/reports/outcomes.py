"""What the customers of each arm bought, whoever of them opened or clicked anything (intention to treat).

Both arms are measured over the same time: from the moment at which a customer was, or would have been, written to,
until the end of the attribution window. A customer decided in several runs counts once, in the first arm.
"""

from dataclasses import dataclass, fields, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from django.db import connection

from notifications.choices import RecipientStatus, RedemptionState
from notifications.decisions.arms import HOLD_OUT
from notifications.models import Campaign
from notifications.reports.cuped import Paired
from notifications.reports.statistics import Interval, wilson
from users.choices import OrderStatus


class SliceBy(StrEnum):
    """What customers are told apart by: whether they had bought before the campaign, and their country."""

    HISTORY = "history"
    COUNTRY = "country"


WOULD_RECEIVE = "would_receive"
DAYS_BEFORE = 90  # in which what a customer spent is held against what he or she spends now

# CTEs `unit (customer_id, arm, since)` and `placed (id, customer_id, placed_at, paid)`. Bind `campaign`, `days`,
# `currency` and `decided_before`.
UNITS = f"""
decided AS MATERIALIZED (
    SELECT recipient.customer_id, recipient.run_id, recipient.arm, recipient.send_at
    FROM notifications_recipient recipient JOIN notifications_run run ON run.id = recipient.run_id
    WHERE run.campaign_id = %(campaign)s AND recipient.send_at < %(decided_before)s
        AND recipient.status IN ('{RecipientStatus.PLANNED}', '{RecipientStatus.HELD_OUT}')
), unit AS MATERIALIZED (
    SELECT customer_id, (array_agg(arm ORDER BY send_at, run_id))[1] AS arm, min(send_at) AS since
    FROM decided GROUP BY customer_id
), placed AS MATERIALIZED (
    SELECT DISTINCT placed.id, placed.customer_id, placed.placed_at, placed.total - placed.refunded AS paid
    FROM decided JOIN users_order placed ON placed.customer_id = decided.customer_id
        AND placed.placed_at >= decided.send_at
        AND placed.placed_at < decided.send_at + make_interval(days => %(days)s)
    WHERE placed.status = '{OrderStatus.PLACED}' AND placed.currency = %(currency)s
)"""

# The total of each arm, and each arm's slices. Only what was so before the campaign may slice it.
_OUTCOMES = f"""
WITH {UNITS}, bought AS (
    SELECT customer_id, count(*) AS orders, sum(paid) AS revenue FROM placed GROUP BY customer_id
), earlier AS (
    SELECT unit.customer_id, sum(former.total - former.refunded) AS spent
    FROM unit JOIN users_order former ON former.customer_id = unit.customer_id
        AND former.placed_at >= unit.since - make_interval(days => {DAYS_BEFORE}) AND former.placed_at < unit.since
    WHERE former.status = '{OrderStatus.PLACED}' AND former.currency = %(currency)s
    GROUP BY unit.customer_id
), redeemed AS (
    SELECT coupon.customer_id, count(*) AS redemptions, sum(greatest(redemption.cost, redemption.amount)) AS cost,
        sum(greatest(redemption.cost - redemption.amount, 0)) AS given
    FROM notifications_run run
    JOIN notifications_coupon coupon ON coupon.run_id = run.id
    JOIN notifications_redemption redemption ON redemption.coupon_id = coupon.id
    WHERE run.campaign_id = %(campaign)s AND redemption.state = '{RedemptionState.COMMITTED}'
    GROUP BY coupon.customer_id
), outcome AS (
    SELECT unit.arm, bought.orders, coalesce(earlier.spent, 0) AS before,
        coalesce(bought.revenue, 0) - coalesce(redeemed.given, 0) AS revenue,
        redeemed.redemptions, redeemed.cost, customer.country,
        EXISTS (SELECT FROM users_order former WHERE former.customer_id = unit.customer_id
                AND former.placed_at < unit.since AND former.status = '{OrderStatus.PLACED}') AS has_bought
    FROM unit JOIN users_customer customer ON customer.id = unit.customer_id
    LEFT JOIN bought USING (customer_id) LEFT JOIN earlier USING (customer_id) LEFT JOIN redeemed USING (customer_id)
)
SELECT CASE WHEN grouping(has_bought) = 0 THEN '{SliceBy.HISTORY}' WHEN grouping(country) = 0 THEN '{SliceBy.COUNTRY}'
        ELSE '' END,
    CASE WHEN grouping(has_bought) = 0 THEN has_bought::text ELSE coalesce(country, '') END,
    arm, count(*), count(orders), coalesce(sum(orders), 0)::bigint,
    coalesce(sum(revenue), 0), coalesce(sum(revenue ^ 2), 0),
    coalesce(sum(redemptions), 0)::bigint, coalesce(sum(cost), 0),
    coalesce(sum(before), 0), coalesce(sum(before ^ 2), 0), coalesce(sum(revenue * before), 0)
FROM outcome GROUP BY GROUPING SETS ((arm), (arm, has_bought), (arm, country)) ORDER BY 1, 2, 3
"""


@dataclass(frozen=True)
class ArmOutcome:
    """One arm. `coupon_cost` is what the coupons took. `revenue` is what was paid less what was refunded and what gifts
    and points are worth: all that coupons cost is off it.
    """

    arm: str
    customers: int = 0
    buyers: int = 0
    orders: int = 0
    revenue: Decimal = Decimal(0)
    revenue_squares: Decimal = Decimal(0)
    redemptions: int = 0
    coupon_cost: Decimal = Decimal(0)
    before: Decimal = Decimal(0)
    before_squares: Decimal = Decimal(0)
    before_products: Decimal = Decimal(0)

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
    def spending(self) -> Paired:
        """What each customer paid, beside what each had paid in the `DAYS_BEFORE`."""
        sums = (self.revenue, self.revenue_squares, self.before, self.before_squares, self.before_products)
        return Paired(self.customers, *map(float, sums))


@dataclass(frozen=True)
class Outcomes:
    """The outcome of every arm, of all customers and by slices: `slices[kind][value]` are its arms."""

    arms: list[ArmOutcome]
    slices: dict[SliceBy, dict[str, list[ArmOutcome]]]


def campaign_outcomes(campaign: Campaign, *, currency: str, decided_before: datetime) -> Outcomes:
    """What came of those decided before that moment; orders in another currency are left out."""
    found = Outcomes([], {kind: {} for kind in SliceBy})
    with connection.cursor() as cursor:
        cursor.execute(_OUTCOMES, unit_parameters(campaign, currency=currency, decided_before=decided_before))
        for kind, value, *figures in cursor.fetchall():
            arms = found.slices[SliceBy(kind)].setdefault(value, []) if kind else found.arms
            arms.append(ArmOutcome(*figures))
    return found


def unit_parameters(campaign: Campaign, *, currency: str, decided_before: datetime) -> dict[str, Any]:
    """What `UNITS` binds."""
    return {
        "campaign": campaign.pk,
        "currency": currency,
        "days": campaign.attribution_days,
        "decided_before": decided_before,
    }


def two_sides(arms: list[ArmOutcome]) -> tuple[ArmOutcome, ArmOutcome]:
    """All who were to receive something as one arm, and the hold-out."""
    held_out = next((arm for arm in arms if arm.is_hold_out), ArmOutcome(HOLD_OUT))
    return total_outcome([arm for arm in arms if not arm.is_hold_out], arm=WOULD_RECEIVE), held_out


def total_outcome(outcomes: list[ArmOutcome], *, arm: str) -> ArmOutcome:
    """Several arms as one."""
    empty = ArmOutcome(arm)
    names = [field.name for field in fields(ArmOutcome) if field.name != "arm"]
    sums: dict[str, Any] = {
        name: sum((getattr(each, name) for each in outcomes), start=getattr(empty, name)) for name in names
    }
    return replace(empty, **sums)
