"""The report of one campaign, for the admin and the API alike."""

from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.utils import timezone

from notifications.choices import OPEN_RUN_STATUSES
from notifications.decisions.arms import hold_out_share
from notifications.listening.attribution import Attributed, attributed_orders
from notifications.models import Campaign
from notifications.reports.comparison import Comparison, compare
from notifications.reports.costs import message_cost
from notifications.reports.funnel import Funnel, campaign_funnel
from notifications.reports.looks import Judging, Look, judge_campaign
from notifications.reports.outcomes import ArmOutcome, campaign_outcomes, two_sides
from notifications.reports.slices import Slice, compare_slices
from notifications.reports.statistics import Interval


@dataclass(frozen=True)
class CampaignReport:
    """Everything a report shows. Money is in `currency`. Until `window_ends_at` its figures are preliminary."""

    campaign_id: int
    name: str
    is_simulated: bool
    currency: str
    attribution_days: int
    window_ends_at: datetime | None
    is_preliminary: bool
    funnel: Funnel
    arms: list[ArmOutcome]
    comparison: Comparison
    judging: Judging
    slices: list[Slice]
    message_cost: Decimal
    attributed: dict[str, Attributed]

    @property
    def net_revenue(self) -> Interval | None:
        """What the campaign earned beyond what would have been earned without it, less what its messages cost."""
        extra, cost = self.comparison.incremental_revenue, float(self.message_cost)
        return extra and Interval(extra.estimate - cost, extra.low - cost, extra.high - cost)

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON-able values; money is text."""
        return {
            "campaign": {"id": self.campaign_id, "name": self.name},
            "is_simulated": self.is_simulated,
            "currency": self.currency,
            "attribution_days": self.attribution_days,
            "window_ends_at": self.window_ends_at and self.window_ends_at.isoformat(),
            "is_preliminary": self.is_preliminary,
            "funnel": asdict(self.funnel),
            "arms": [_arm_dict(arm) for arm in self.arms],
            "comparison": _comparison_dict(self.comparison),
            "message_cost": _money(self.message_cost),
            "net_revenue": _interval_dict(self.net_revenue),
            "looks": [_look_dict(look) for look in self.judging.looks],
            "slices": [_slice_dict(each) for each in self.slices],
            "attributed": {
                reason: {"orders": each.orders, "revenue": str(each.revenue)}
                for reason, each in self.attributed.items()
            },
        }


def campaign_report(campaign: Campaign) -> CampaignReport:
    """The report of `campaign` as the data stands now."""
    currency = campaign.offer.currency if campaign.offer else settings.SHOP_CURRENCY
    now = timezone.now()
    judging = judge_campaign(campaign, currency=currency, now=now)
    outcomes = campaign_outcomes(
        campaign, currency=currency, decided_before=judging.span.decided_before if judging.span else now
    )
    treated, held_out = two_sides(outcomes.arms)
    ends = judging.span.closes if judging.span else None
    open_runs = campaign.runs.filter(status__in=OPEN_RUN_STATUSES).exists()
    return CampaignReport(
        campaign_id=campaign.pk,
        name=campaign.name,
        is_simulated=campaign.is_simulated,
        currency=currency,
        attribution_days=campaign.attribution_days,
        window_ends_at=ends,
        is_preliminary=open_runs or ends is None or ends > now,
        funnel=campaign_funnel(campaign),
        arms=sorted(outcomes.arms, key=lambda arm: (arm.is_hold_out, arm.arm)),
        comparison=compare(treated, held_out, hold_out_share=hold_out_share(campaign), judging=judging, now=now),
        judging=judging,
        slices=compare_slices(outcomes.slices),
        message_cost=message_cost(campaign),
        attributed=attributed_orders(campaign, currency=currency),
    )


def _look_dict(look: Look) -> dict[str, Any]:
    return {**asdict(look), "at": look.at.isoformat(), "z": round(look.z, 4), "bound": round(look.bound, 4)}


def _slice_dict(each: Slice) -> dict[str, Any]:
    return {
        "by": str(each.by),
        "value": each.value,
        "would_receive": _arm_dict(each.treated),
        "hold_out": _arm_dict(each.held_out),
        "conversion_difference": _interval_dict(each.conversion),
    }


def _arm_dict(arm: ArmOutcome) -> dict[str, Any]:
    return {
        "arm": arm.arm,
        "customers": arm.customers,
        "buyers": arm.buyers,
        "conversion": _interval_dict(arm.conversion),
        "orders": arm.orders,
        "revenue": _money(arm.revenue),
        "revenue_per_customer": round(arm.revenue_per_customer, 4),
        "redemptions": arm.redemptions,
        "coupon_cost": _money(arm.coupon_cost),
    }


def _comparison_dict(comparison: Comparison) -> dict[str, Any]:
    return {
        "would_receive": _arm_dict(comparison.treated),
        "hold_out": _arm_dict(comparison.held_out),
        "conversion_difference": _interval_dict(comparison.conversion),
        "revenue_per_customer_difference": _interval_dict(comparison.revenue),
        "incremental_buyers": _interval_dict(comparison.incremental_buyers),
        "incremental_revenue": _interval_dict(comparison.incremental_revenue),
        "sample_ratio_p_value": comparison.sample_ratio_p_value,
        "customers_missing": comparison.customers_missing,
        "finding": str(comparison.finding),
        "sentence": comparison.sentence,
    }


def _interval_dict(interval: Interval | None) -> dict[str, float] | None:
    return None if interval is None else asdict(interval)


def _money(amount: Decimal) -> str:
    return str(Decimal(amount).quantize(Decimal("0.01")))
