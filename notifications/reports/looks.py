"""When the comparison is judged, and how sure it must be each time.

A campaign is judged at up to `LOOKS` moments spread evenly over the time in which it is measured, and not in between,
so that looking at the report every day finds no lift where there is none (see `sequential`). Every look is worked out
from the orders as of its moment, so nothing has to be kept, and all who look see the same verdict.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Max, Min

from notifications.choices import CampaignStatus
from notifications.decisions.arms import HOLD_OUT
from notifications.models import Campaign, Recipient
from notifications.reports.outcomes import UNITS, unit_parameters
from notifications.reports.sequential import FURTHEST, bounds
from notifications.reports.statistics import Z95

LOOKS = 20
MEASURED = timedelta(days=90)  # of a campaign that goes on and on, those are measured that were decided in this time
_FINER = 100  # information is told apart to one percent: more does not move a bound

_HISTORY = f"""
WITH {UNITS}, first AS (
    SELECT customer_id, min(placed_at) AS at FROM placed GROUP BY customer_id
)
SELECT unit.arm = %(hold_out)s, width_bucket(unit.since, %(moments)s::timestamptz[]) AS decided,
    width_bucket(first.at, %(moments)s::timestamptz[]) AS bought, count(*)
FROM unit LEFT JOIN first USING (customer_id) GROUP BY 1, 2, 3
"""


@dataclass(frozen=True)
class Span:
    """The time in which a campaign is judged, and how often. The last order that counts is placed before `closes`."""

    start: datetime
    end: datetime
    closes: datetime
    decided_before: datetime
    looks: int

    @property
    def moments(self) -> list[datetime]:
        """When it is judged; the last time at the end."""
        return [self.start + (self.end - self.start) * number / self.looks for number in range(1, self.looks + 1)]


class Counts(NamedTuple):
    """Customers decided by some moment, and those of them who had bought by then."""

    treated: int
    treated_buyers: int
    held_out: int
    held_out_buyers: int

    @property
    def buyers(self) -> int:
        return self.treated_buyers + self.held_out_buyers


@dataclass(frozen=True)
class Look:
    """The arms as of `at`: customers decided by then, and those of them who had bought. `bound` is that of |z|."""

    number: int
    at: datetime
    treated: int
    treated_buyers: int
    held_out: int
    held_out_buyers: int
    bound: float

    @property
    def z(self) -> float:
        """The difference of the shares in standard errors, under the assumption that there is none."""
        customers = self.treated + self.held_out
        share = (self.treated_buyers + self.held_out_buyers) / customers
        error = (share * (1 - share) * (1 / self.treated + 1 / self.held_out)) ** 0.5
        return (self.treated_buyers / self.treated - self.held_out_buyers / self.held_out) / error


@dataclass(frozen=True)
class Judging:
    """The looks at a campaign that are over, and how the last one ended."""

    span: Span | None
    looks: list[Look]

    @property
    def bound(self) -> float:
        """How many standard errors an interval must reach now: those of the last look, or the most before the first."""
        if self.looks:
            return self.looks[-1].bound
        return FURTHEST if self.span and self.span.looks > 1 else Z95

    @property
    def direction(self) -> int:
        """1 if the last look found more buyers among the treated, -1 if fewer, 0 if it could not tell."""
        if not self.looks or abs(self.looks[-1].z) < self.looks[-1].bound:
            return 0
        return 1 if self.looks[-1].z > 0 else -1

    @property
    def is_over(self) -> bool:
        """Whether the last look was the last of all."""
        return bool(self.span and self.looks and self.looks[-1].number == self.span.looks)

    def days_left(self, now: datetime) -> int:
        """Days, begun ones included, until the last look."""
        return max(0, math.ceil((self.span.end - now) / timedelta(days=1))) if self.span else 0

    def next_look(self, now: datetime) -> datetime | None:
        """When the campaign is judged again; None when the last time is over."""
        return next((moment for moment in self.span.moments if moment > now), None) if self.span else None


def judge_campaign(campaign: Campaign, *, currency: str, now: datetime) -> Judging:
    """Everything that was seen of `campaign` at its looks until `now`."""
    span = measured_span(campaign, now=now)
    return Judging(span, past_looks(campaign, span, currency=currency, now=now) if span else [])


def measured_span(campaign: Campaign, *, now: datetime) -> Span | None:
    """The span of `campaign`, or None while nobody has been decided.

    It ends with the attribution window of the last customer, or of those decided within `MEASURED` of the first.
    Until a campaign of several runs is over nobody knows its last customer, so the whole time is assumed. Simulated
    shoppers buy at once: there is nothing to wait for, and one look.
    """
    decided = Recipient.objects.filter(run__campaign=campaign, send_at__isnull=False)
    times = decided.aggregate(first=Min("send_at"), last=Max("send_at"))
    if times["first"] is None:
        return None
    window, most = timedelta(days=campaign.attribution_days), times["first"] + MEASURED
    goes_on = campaign.status in (CampaignStatus.RUNNING, CampaignStatus.PAUSED) and campaign.runs.count() > 1
    closes = (most if goes_on else min(times["last"], most)) + window
    if campaign.is_simulated:
        return Span(times["first"], min(now, closes), closes, most, 1)
    return Span(times["first"], closes, closes, most, LOOKS)


def past_looks(campaign: Campaign, span: Span, *, currency: str, now: datetime) -> list[Look]:
    """The looks that are over; those at which nothing new was known are left out."""
    moments = [moment for moment in span.moments if moment <= now]
    if not moments:
        return []
    counts = _counts(campaign, span, moments, currency)
    known: list[tuple[int, Counts]] = []
    most = max(counts[-1].buyers, 1)
    for number, figures in enumerate(counts, start=1):
        is_split = figures.treated and figures.held_out and 0 < figures.buyers < figures.treated + figures.held_out
        if is_split and (not known or _information(figures, most) > _information(known[-1][1], most)):
            known.append((number, figures))
    if not known:
        return []
    information = tuple(_information(figures, most) for _, figures in known)
    edges = bounds(information, tuple(number / span.looks for number, _ in known)) if span.looks > 1 else (Z95,)
    return [
        Look(number, moments[number - 1], *figures, bound)
        for (number, figures), bound in zip(known, edges, strict=True)
    ]


def _information(figures: Counts, most: int) -> float:
    """How much the looks know, by the buyers in both arms, as a share of the last one's."""
    return max(1, round(_FINER * figures.buyers / most)) / _FINER


def _counts(campaign: Campaign, span: Span, moments: list[datetime], currency: str) -> list[Counts]:
    """The arms as they were at each moment."""
    parameters: dict[str, Any] = {
        **unit_parameters(campaign, currency=currency, decided_before=span.decided_before),
        "hold_out": HOLD_OUT,
        "moments": moments,
    }
    counts = [[0, 0, 0, 0] for _ in moments]
    with connection.cursor() as cursor:
        cursor.execute(_HISTORY, parameters)
        for is_held_out, decided, bought, customers in cursor.fetchall():
            arm = 2 if is_held_out else 0
            for place in range(len(moments)):
                if decided <= place:
                    counts[place][arm] += customers
                    counts[place][arm + 1] += customers if bought is not None and bought <= place else 0
    return [Counts(*figures) for figures in counts]
