"""The comparison among customers of one kind. With many slices one of them looks good by chance, so the intervals are
wider the more there are: their 5% is shared (Bonferroni).
"""

from dataclasses import dataclass

from notifications.reports.outcomes import ArmOutcome, SliceBy, two_sides
from notifications.reports.statistics import NORMAL, Interval, difference_of_proportions

SHOWN = 6  # of one kind, the largest
LEAST_CUSTOMERS = 10  # in both arms together


@dataclass(frozen=True)
class Slice:
    """The two sides among those customers whose `by` is `value`."""

    by: SliceBy
    value: str
    treated: ArmOutcome
    held_out: ArmOutcome
    conversion: Interval | None


def compare_slices(found: dict[SliceBy, dict[str, list[ArmOutcome]]]) -> list[Slice]:
    """The largest slices of each kind; kinds that do not tell customers apart are left out."""
    sides = [
        (by, value, *two_sides(arms))
        for by, values in found.items()
        if len(values) > 1
        for value, arms in sorted(values.items(), key=lambda pair: -_customers(pair[1]))[:SHOWN]
        if _customers(arms) >= LEAST_CUSTOMERS
    ]
    z = NORMAL.inv_cdf(1 - 0.025 / max(len(sides), 1))
    return [
        Slice(by, value, treated, held_out, _difference(treated, held_out, z)) for by, value, treated, held_out in sides
    ]


def _customers(arms: list[ArmOutcome]) -> int:
    return sum(arm.customers for arm in arms)


def _difference(treated: ArmOutcome, held_out: ArmOutcome, z: float) -> Interval | None:
    if not treated.customers or not held_out.customers:
        return None
    return difference_of_proportions(treated.buyers, treated.customers, held_out.buyers, held_out.customers, z=z)
