"""How the charts of the admin look, as JSON for the components of the theme."""

import json

_TICKS = {"color": "#8b8b8b", "maxRotation": 0, "autoSkipPadding": 16}
_LEGEND = {"position": "bottom", "align": "start", "labels": {"boxWidth": 10}}


def chart_options(*, legend: bool) -> str:
    """Options of Chart.js for bars and lines."""
    grid = {"drawTicks": False, "color": "rgb(139 139 139 / .2)"}
    return json.dumps(
        {
            "responsive": True,
            "maintainAspectRatio": False,
            "animation": False,
            "interaction": {"mode": "index", "intersect": False},
            "datasets": {"bar": {"maxBarThickness": 48, "barPercentage": 0.8}},
            "plugins": {"legend": {"display": legend, **_LEGEND}},
            "scales": {
                "x": {"grid": {"display": False}, "ticks": _TICKS},
                "y": {"beginAtZero": True, "grid": grid, "ticks": {**_TICKS, "maxTicksLimit": 6}},
            },
        }
    )
