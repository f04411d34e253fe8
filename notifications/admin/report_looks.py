"""The parts of the report's page that come from the looks and the slices."""

import json
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from notifications.reports.looks import Judging
from notifications.reports.outcomes import ArmOutcome, SliceBy
from notifications.reports.slices import Slice
from notifications.reports.statistics import Interval

_COLOURS = ("#009e73", "#999999")  # as the dots of the arms; told apart without seeing colours


@dataclass(frozen=True)
class SliceRow:
    """A line of the table of slices."""

    kind: str
    label: str
    customers: int
    treated: str
    held_out: str
    difference: str
    is_clear: bool


def looks_chart(judging: Judging) -> str:
    """Share of buyers in both arms from look to look, for the theme's line chart; empty for fewer than two looks."""
    looks = judging.looks
    if len(looks) < 2:
        return ""
    series = (
        (_("To receive it"), [100 * look.treated_buyers / look.treated for look in looks]),
        (_("Held out"), [100 * look.held_out_buyers / look.held_out for look in looks]),
    )
    datasets = [
        {
            "label": label,
            "data": [round(value, 2) for value in values],
            "borderColor": colour,
            "backgroundColor": colour,
            "pointRadius": 2,
        }
        for (label, values), colour in zip(series, _COLOURS, strict=True)
    ]
    return json.dumps({"labels": [_day(look.at) for look in looks], "datasets": datasets})


def looks_sentence(judging: Judging, *, now: datetime) -> str:
    """How often the campaign was judged, and when it will be again."""
    if not judging.span or judging.span.looks == 1:
        return ""
    figures = {"taken": sum(moment <= now for moment in judging.span.moments), "looks": judging.span.looks}
    upcoming = judging.next_look(now)
    if upcoming is None:
        return _("Judged %(looks)s times, the last one included: this verdict stays.") % figures
    text = _("Judged %(taken)s of %(looks)s times. The verdict stays as it is until the next time: %(next)s")
    return text % (figures | {"next": date_format(timezone.localtime(upcoming), "DATETIME_FORMAT")})


def slice_rows(slices: list[Slice]) -> list[SliceRow]:
    """The table of slices."""
    return [
        SliceRow(
            kind=_kind(each.by),
            label=_value(each),
            customers=each.treated.customers + each.held_out.customers,
            treated=_share(each.treated),
            held_out=_share(each.held_out),
            difference=_points(each.conversion) if each.conversion else "—",
            is_clear=bool(each.conversion and each.conversion.excludes_zero),
        )
        for each in slices
    ]


def _kind(by: SliceBy) -> str:
    return _("Country") if by == SliceBy.COUNTRY else _("Before the campaign")


def _value(each: Slice) -> str:
    if each.by == SliceBy.COUNTRY:
        return each.value or _("Unknown")
    return _("Had bought before") if each.value == "true" else _("Had never bought")


def _share(arm: ArmOutcome) -> str:
    return f"{arm.conversion.estimate:.1%}" if arm.conversion else "—"


def _points(interval: Interval) -> str:
    low, middle, high = (
        f"{100 * value:+.1f}".replace("-", "−") for value in (interval.low, interval.estimate, interval.high)
    )
    return f"{middle} ({low} … {high})"


def _day(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), "MONTH_DAY_FORMAT")
