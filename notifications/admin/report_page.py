"""The report page of a campaign: figures put into words and positions on a scale."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from catalog.charts import chart_options
from notifications.admin.report_looks import looks_chart, looks_sentence, slice_rows
from notifications.choices import SuppressionReason
from notifications.models import Campaign
from notifications.offers.money import format_money
from notifications.reports import CampaignReport, campaign_report
from notifications.reports.comparison import MISMATCH_P_VALUE, Comparison, Finding
from notifications.reports.funnel import Funnel
from notifications.reports.outcomes import ArmOutcome
from notifications.reports.statistics import Interval

HEADLINES = {
    Finding.LIFT: gettext_lazy("It worked"),
    Finding.LOSS: gettext_lazy("It did harm"),
    Finding.NO_LIFT: gettext_lazy("No lift"),
    Finding.NOT_ENOUGH_DATA: gettext_lazy("Too early to say"),
    Finding.NO_HOLD_OUT: gettext_lazy("Cannot be measured"),
    Finding.MISMATCH: gettext_lazy("Do not trust this comparison"),
}


@dataclass(frozen=True)
class Mark:
    """An interval on a scale; positions are percent of its width."""

    label: str
    text: str
    note: str
    low: float
    high: float
    dot: float
    is_quiet: bool = False

    @property
    def width(self) -> float:
        return self.high - self.low


@dataclass(frozen=True)
class Step:
    """One bar of the funnel."""

    label: str
    count: int
    share: float
    note: str
    is_quiet: bool = False


def report_context(campaign: Campaign) -> dict[str, Any]:
    """Everything that the page shows."""
    report = campaign_report(campaign)
    comparison = report.comparison
    return {
        "campaign": campaign,
        "report": report,
        "headline": _headline(report),
        "has_begun": report.funnel.matched > 0,
        "is_good": comparison.finding == Finding.LIFT,
        "is_bad": comparison.finding in (Finding.LOSS, Finding.MISMATCH),
        "lifts": _lift_marks(report),
        "rates": _rate_marks(report.arms),
        "rate_ticks": _ticks(_rate_top(report.arms)),
        "steps": _funnel_steps(report.funnel),
        "suppressed": _suppressed(report.funnel),
        "cards": _cards(report),
        "arms": [_arm_row(arm, report.currency) for arm in report.arms],
        "ratio": _ratio_sentence(comparison),
        "looks": looks_sentence(report.judging, now=timezone.now()),
        "looks_chart": looks_chart(report.judging),
        "looks_options": chart_options(legend=True),
        "slices": slice_rows(report.slices),
        "cuped": _explained_sentence(comparison),
    }


def _headline(report: CampaignReport) -> str:
    if not report.funnel.matched:
        return _("Nothing to report yet")
    finding = report.comparison.finding
    if finding == Finding.LIFT and report.is_preliminary:
        return _("A lift so far")
    return str(HEADLINES[finding])


def _lift_marks(report: CampaignReport) -> list[tuple[Mark, float]]:
    """Each difference on its own scale, with the position of zero on it."""
    comparison = report.comparison
    found: list[tuple[Mark, float]] = []
    if comparison.finding == Finding.MISMATCH:
        return found  # figures that must not be trusted are not drawn
    if interval := comparison.conversion:
        label, per = _("Customers who bought"), _points
        found.append(_lift_mark(label, interval, per(interval.estimate), f"{per(interval.low)} … {per(interval.high)}"))
    if interval := comparison.revenue:

        def money(amount: float) -> str:
            return _signed_money(amount, report.currency)

        label = _("Revenue per customer, coupons taken off")
        found.append(
            _lift_mark(label, interval, money(interval.estimate), f"{money(interval.low)} … {money(interval.high)}")
        )
    return found


def _lift_mark(label: str, interval: Interval, text: str, note: str) -> tuple[Mark, float]:
    reach = max(abs(interval.low), abs(interval.high)) * 1.15 or 1.0
    low, high = min(-reach * 0.35, interval.low * 1.15), max(reach * 0.35, interval.high * 1.15)

    def place(value: float) -> float:
        return 100 * (value - low) / (high - low)

    mark = Mark(label, text, note, place(interval.low), place(interval.high), place(interval.estimate))
    return mark, place(0)


def _rate_top(arms: list[ArmOutcome]) -> float:
    return max((arm.conversion.high for arm in arms if arm.conversion), default=0.0) * 1.05 or 1.0


def _rate_marks(arms: list[ArmOutcome]) -> list[Mark]:
    top = _rate_top(arms)
    return [
        Mark(
            label=_arm_name(arm),
            text=f"{rate.estimate:.1%}",
            note=_("%(buyers)s of %(customers)s") % {"buyers": f"{arm.buyers:,}", "customers": f"{arm.customers:,}"},
            low=100 * rate.low / top,
            high=100 * rate.high / top,
            dot=100 * rate.estimate / top,
            is_quiet=arm.is_hold_out,
        )
        for arm in arms
        if (rate := arm.conversion)
    ]


def _ticks(top: float) -> list[tuple[float, str]]:
    """Round values on the axis from 0 to `top`, about four of them."""
    steps = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.25)
    step = next((each for each in steps if top / each <= 5), 0.5)
    return [(100 * n * step / top, f"{n * step * 100:g}%") for n in range(int(top / step) + 1)]


def _funnel_steps(funnel: Funnel) -> list[Step]:
    def step(label: str, count: int, *, of: int, quiet: bool = False) -> Step:
        note = f"{count / of:.1%}" if of else ""
        return Step(label, count, 100 * count / funnel.matched if funnel.matched else 0, note, quiet)

    reachable = funnel.planned + funnel.held_out
    return [
        step(_("Matched"), funnel.matched, of=0),
        step(_("Could be reached"), reachable, of=funnel.matched),
        step(_("Held out"), funnel.held_out, of=reachable, quiet=True),
        step(_("To receive it"), funnel.planned, of=reachable),
        step(_("Sent"), funnel.sent, of=funnel.planned),
        step(_("Clicked"), funnel.clicked, of=funnel.sent),
        step(_("Redeemed"), funnel.redeemed, of=funnel.sent),
    ]


def _suppressed(funnel: Funnel) -> list[tuple[str, int]]:
    labels = dict(SuppressionReason.choices)
    rows = [(str(labels.get(reason, reason)), count) for reason, count in funnel.suppressed.items()]
    states = (
        (_("Not sent yet"), funnel.waiting),
        (_("Failed"), funnel.failed),
        (_("Unknown outcome"), funnel.unknown),
        (_("Cancelled"), funnel.cancelled),
    )
    return rows + [(label, count) for label, count in states if count]


def _cards(report: CampaignReport) -> list[tuple[str, str, str]]:
    funnel, treated = report.funnel, report.comparison.treated
    extra = report.net_revenue
    money = report.currency
    orders = ngettext("%(n)s order", "%(n)s orders", treated.orders) % {"n": f"{treated.orders:,}"}
    cards = [
        (_("Sent"), f"{funnel.sent:,}", _("of %(n)s planned") % {"n": f"{funnel.planned:,}"}),
        (_("Clicked"), f"{funnel.clicked:,}", f"{funnel.clicked / funnel.sent:.1%}" if funnel.sent else ""),
        (_("Redeemed"), f"{funnel.redeemed:,}", f"{funnel.redeemed / funnel.sent:.1%}" if funnel.sent else ""),
        (
            _("Paid by recipients"),
            format_money(treated.revenue, money),
            orders,
        ),
        (_("Cost of coupons"), format_money(treated.coupon_cost, money), _("taken off already")),
    ]
    if report.message_cost:
        cards.append((_("Cost of messages"), format_money(report.message_cost, money), _("by MESSAGE_COSTS")))
    if extra and report.comparison.finding != Finding.MISMATCH:
        note = f"{_signed_money(extra.low, money)} … {_signed_money(extra.high, money)}"
        cards.append((_("Extra revenue, net"), _signed_money(extra.estimate, money), note))
    return cards


def _arm_row(arm: ArmOutcome, currency: str) -> dict[str, Any]:
    return {
        "name": _arm_name(arm),
        "is_hold_out": arm.is_hold_out,
        "customers": f"{arm.customers:,}",
        "buyers": f"{arm.buyers:,}",
        "conversion": f"{arm.conversion.estimate:.1%}" if arm.conversion else "—",
        "orders": f"{arm.orders:,}",
        "revenue": format_money(arm.revenue, currency),
        "per_customer": format_money(arm.revenue / arm.customers, currency) if arm.customers else "—",
        "redemptions": f"{arm.redemptions:,}",
        "coupon_cost": format_money(arm.coupon_cost, currency),
    }


def _arm_name(arm: ArmOutcome) -> str:
    return _("Held out") if arm.is_hold_out else _("Variant %(name)s") % {"name": arm.arm}


def _ratio_sentence(comparison: Comparison) -> str:
    if not comparison.held_out.customers:
        return ""
    value = comparison.sample_ratio_p_value
    if value < MISMATCH_P_VALUE:
        return _("The split between the arms is broken (p < 0.001).")
    return _("The split between the arms is as it was drawn (p = %(p)s).") % {"p": f"{value:.2f}"}


def _explained_sentence(comparison: Comparison) -> str:
    """What the adjustment by earlier spending was worth."""
    if comparison.revenue is None or comparison.explained < 0.005:
        return ""
    return _(
        "Spending of the 90 days before explains %(share)s of the revenue's variance and is taken off (CUPED)."
    ) % {"share": f"{comparison.explained:.0%}"}


def _points(share: float) -> str:
    return _("%(n)s points") % {"n": _signed(f"{abs(share) * 100:.1f}", share)}


def _signed_money(amount: float, currency: str) -> str:
    return _signed(format_money(Decimal(str(abs(amount))), currency), amount)


def _signed(text: str, value: float) -> str:
    """`text` with its sign; the joiner keeps the two on one line."""
    return f"{'−' if value < 0 else '+'}\u2060{text}"
