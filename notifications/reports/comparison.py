"""Those who were to receive something against those who were held out, and how far the data carries."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from notifications.reports.cuped import adjusted_difference
from notifications.reports.looks import Judging
from notifications.reports.outcomes import ArmOutcome
from notifications.reports.statistics import (
    Interval,
    customers_needed,
    difference_of_proportions,
    sample_ratio_p_value,
)

LEAST_CUSTOMERS = 100  # in each arm
LEAST_BUYERS = 10  # in both arms together
WORTHWHILE_LIFT = 0.2  # of the hold-out's conversion: "no lift" is only said once this much would have been seen
MISMATCH_P_VALUE = 0.001  # below it the split is broken, by the custom of large experimenters (Fabijan et al. 2019)


class Finding(StrEnum):
    NO_HOLD_OUT = "no_hold_out"
    MISMATCH = "mismatch"
    NOT_ENOUGH_DATA = "not_enough_data"
    LIFT = "lift"
    LOSS = "loss"
    NO_LIFT = "no_lift"


@dataclass(frozen=True)
class Comparison:
    """Differences are treated less held out, with 95% intervals; None where nothing can be compared.

    The intervals allow for the looks that were taken and are still to come. `revenue` is per customer and net: what was
    paid, coupons and refunds taken off; `explained` is the share of its variance that the time before accounts for.
    """

    treated: ArmOutcome
    held_out: ArmOutcome
    conversion: Interval | None
    revenue: Interval | None
    explained: float
    sample_ratio_p_value: float
    customers_missing: int
    finding: Finding
    sentence: str

    @property
    def incremental_buyers(self) -> Interval | None:
        return _scaled(self.conversion, self.treated.customers)

    @property
    def incremental_revenue(self) -> Interval | None:
        return _scaled(self.revenue, self.treated.customers)


def compare(
    treated: ArmOutcome, held_out: ArmOutcome, *, hold_out_share: float, judging: Judging, now: datetime
) -> Comparison:
    """Compare the arms; `hold_out_share` is the share that was to be held out."""
    both = treated.customers and held_out.customers
    conversion = (
        difference_of_proportions(
            treated.buyers, treated.customers, held_out.buyers, held_out.customers, z=judging.bound
        )
        if both
        else None
    )
    revenue = adjusted_difference(treated.spending, held_out.spending, z=judging.bound) if both else None
    ratio = sample_ratio_p_value(held_out.customers, treated.customers + held_out.customers, share=hold_out_share)
    missing = _customers_missing(treated, held_out, hold_out_share=hold_out_share)
    finding = _finding(treated, held_out, ratio, missing, judging)
    return Comparison(
        treated=treated,
        held_out=held_out,
        conversion=conversion,
        revenue=revenue.difference if revenue else None,
        explained=revenue.explained if revenue else 0.0,
        sample_ratio_p_value=ratio,
        customers_missing=missing,
        finding=finding,
        sentence=_sentence(finding, treated, held_out, missing, judging.days_left(now)),
    )


def _customers_missing(treated: ArmOutcome, held_out: ArmOutcome, *, hold_out_share: float) -> int:
    """How many more customers it takes to see a worthwhile lift four times out of five."""
    customers, buyers = treated.customers + held_out.customers, treated.buyers + held_out.buyers
    if not 0 < hold_out_share < 1 or not 0 < buyers < customers:
        return 0
    base = buyers / customers
    needed = customers_needed(base, min(base * (1 + WORTHWHILE_LIFT), (base + 1) / 2), hold_out=hold_out_share)
    return max(0, needed - customers)


def _finding(treated: ArmOutcome, held_out: ArmOutcome, ratio: float, missing: int, judging: Judging) -> Finding:
    if not held_out.customers:
        return Finding.NO_HOLD_OUT
    if ratio < MISMATCH_P_VALUE:
        return Finding.MISMATCH
    too_few = min(treated.customers, held_out.customers) < LEAST_CUSTOMERS
    if too_few or treated.buyers + held_out.buyers < LEAST_BUYERS:
        return Finding.NOT_ENOUGH_DATA
    if judging.direction:
        return Finding.LIFT if judging.direction > 0 else Finding.LOSS
    return Finding.NOT_ENOUGH_DATA if missing or not judging.is_over else Finding.NO_LIFT


def _sentence(finding: Finding, treated: ArmOutcome, held_out: ArmOutcome, missing: int, days: int) -> str:
    if finding == Finding.NO_HOLD_OUT:
        return _("Nobody was held out, so nobody can say what these customers would have bought anyway.")
    if finding == Finding.MISMATCH:
        return _(
            "The split between the arms is not the one that was drawn. Customers were lost in one arm, so the "
            "comparison cannot be trusted until the reason is found."
        )
    if finding == Finding.NOT_ENOUGH_DATA:
        return _not_enough(missing, days)
    figures = {
        "treated": percent(treated.buyers / treated.customers),
        "held_out": percent(held_out.buyers / held_out.customers),
    }
    if finding == Finding.LIFT:
        return _("More customers bought: %(treated)s, against %(held_out)s of those held out.") % figures
    if finding == Finding.LOSS:
        return _("Fewer customers bought: %(treated)s, against %(held_out)s of those held out.") % figures
    return _("No lift can be seen: %(treated)s bought, and %(held_out)s of those held out.") % figures


def _not_enough(missing: int, days: int) -> str:
    figures = {"n": f"{missing:,}", "days": days, "lift": percent(WORTHWHILE_LIFT, places=0)}
    if missing and days:
        return (
            _(
                "Not enough data yet: it takes about %(n)s more customers to see a lift of %(lift)s; orders count for "
                "%(days)s more days."
            )
            % figures
        )
    if missing:
        return (
            ngettext(
                "Not enough data yet: it takes about %(n)s more customer to see a lift of %(lift)s.",
                "Not enough data yet: it takes about %(n)s more customers to see a lift of %(lift)s.",
                missing,
            )
            % figures
        )
    if days:
        return _("Not enough data yet: orders count for %(days)s more days.") % figures
    return _("Not enough data yet: wait for more orders, or for more customers.")


def percent(share: float, *, places: int = 1) -> str:
    """`0.123` as `12.3%`."""
    return f"{share * 100:.{places}f}%"


def _scaled(interval: Interval | None, by: int) -> Interval | None:
    return interval and Interval(interval.estimate * by, interval.low * by, interval.high * by)
