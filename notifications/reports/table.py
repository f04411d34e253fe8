"""The report as a table for spreadsheets: one line per arm, of all customers and of each slice."""

import csv
import io

from notifications.reports.campaign import CampaignReport
from notifications.reports.outcomes import ArmOutcome

COLUMNS = (
    *("slice_by", "slice", "arm", "customers", "buyers", "conversion", "conversion_low", "conversion_high", "orders"),
    *("revenue", "revenue_per_customer", "redemptions", "coupon_cost", "currency"),
)


def report_csv(report: CampaignReport) -> str:
    """The table as CSV (RFC 4180) with a header line. Shares are fractions, money is in `currency`."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(COLUMNS)
    for arm in report.arms:
        table.writerow(["", "", *_figures(arm), report.currency])
    for each in report.slices:
        for arm in (each.treated, each.held_out):
            table.writerow([str(each.by), each.value, *_figures(arm), report.currency])
    return text.getvalue()


def _figures(arm: ArmOutcome) -> list[object]:
    share = arm.conversion
    shares = [f"{figure:.6f}" for figure in (share.estimate, share.low, share.high)] if share else ["", "", ""]
    return [
        *(arm.arm, arm.customers, arm.buyers, *shares, arm.orders, f"{arm.revenue:.2f}"),
        *(f"{arm.revenue_per_customer:.4f}", arm.redemptions, f"{arm.coupon_cost:.2f}"),
    ]
