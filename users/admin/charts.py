"""Data of the theme's charts (Chart.js), as JSON."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

# Told apart by people who do not see all colours, and readable on both themes (Okabe & Ito, 2008).
PALETTE = ("#009e73", "#e69f00", "#56b4e9", "#d55e00", "#cc79a7", "#0072b2", "#f0e442", "#999999")


@dataclass(frozen=True, slots=True)
class Chart:
    """`data` and `options` for the theme's component."""

    data: str
    options: str


def stacked_bars(labels: Sequence[str], series: Sequence[tuple[str, Sequence[float]]]) -> Chart:
    """One bar per label, made of the values of each named series."""
    datasets = [
        {"label": name, "data": list(values), "backgroundColor": PALETTE[place % len(PALETTE)], "maxBarThickness": 28}
        for place, (name, values) in enumerate(series)
    ]
    return Chart(json.dumps({"labels": list(labels), "datasets": datasets}), _options(stacked=True, legend=True))


def lines(labels: Sequence[str], series: Sequence[tuple[str, Sequence[float | None]]]) -> Chart:
    """One line per named series; None leaves a gap."""
    datasets = [
        {
            "label": name,
            "data": list(values),
            "borderColor": PALETTE[place],
            "backgroundColor": PALETTE[place],
            "borderWidth": 2,
            "pointRadius": 0,
            "pointHitRadius": 10,
            "spanGaps": True,
            **({"borderDash": [5, 4], "order": -1} if place else {}),
        }
        for place, (name, values) in enumerate(series)
    ]
    return Chart(json.dumps({"labels": list(labels), "datasets": datasets}), _options(legend=len(series) > 1))


def _options(*, stacked: bool = False, legend: bool) -> str:
    ticks = {"color": "#8b8b8b", "maxRotation": 0, "autoSkipPadding": 12}
    options: dict[str, Any] = {
        "responsive": True,
        "maintainAspectRatio": False,
        "animation": False,
        "interaction": {"mode": "index", "intersect": False},
        "plugins": {
            "legend": {
                "display": legend,
                "position": "bottom",
                "align": "start",
                "labels": {"boxWidth": 10, "boxHeight": 10, "color": "#8b8b8b"},
            }
        },
        "scales": {
            "x": {"stacked": stacked, "grid": {"display": False}, "ticks": ticks},
            "y": {
                "stacked": stacked,
                "beginAtZero": True,
                "grid": {"drawTicks": False},
                "ticks": ticks | {"padding": 8},
            },
        },
    }
    return json.dumps(options)
