"""Looking at an experiment more than once without being fooled: group sequential bounds.

The 5% of false alarms is spent little by little over the time of the experiment, hardly any of it early. The bounds
follow from the joint distribution of the looks, whatever their spacing.

- O'Brien, P. C. and Fleming, T. R. (1979). A multiple testing procedure for clinical trials. Biometrics 35, 549-556.
- Lan, K. K. G. and DeMets, D. L. (1983). Discrete sequential boundaries for clinical trials. Biometrika 70, 659-663;
  (1989) Group sequential procedures: calendar versus information time. Statistics in Medicine 8, 1191-1198.
- Armitage, P., McPherson, C. K. and Rowe, B. C. (1969). Repeated significance tests on accumulating data. JRSS A 132,
  235-244 (the recursive integration).
"""

import math
from collections.abc import Sequence
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from notifications.reports.statistics import NORMAL

ALPHA = 0.05
FURTHEST = 8.0  # standard deviations; beyond it nothing is spent
_POINTS = 129  # of the grid over the values that have not crossed

Values = NDArray[np.float64]


def spent(fraction: float, *, alpha: float = ALPHA) -> float:
    """How much of `alpha` may be spent when `fraction` of the time is over.

    Lan and DeMets' function in the manner of O'Brien and Fleming, half of it for each side.
    """
    if fraction <= 0:
        return 0.0
    return 4 - 4 * NORMAL.cdf(NORMAL.inv_cdf(1 - alpha / 4) / math.sqrt(min(fraction, 1.0)))


@lru_cache(maxsize=256)
def bounds(information: tuple[float, ...], time: tuple[float, ...], *, alpha: float = ALPHA) -> tuple[float, ...]:
    """The two-sided bound of |z| at each look.

    `information` (increasing, in any unit) decides how looks hang together, `time` (fractions of the experiment's time,
    increasing) how much of `alpha` may be spent by then. Raises ValueError when they do not increase.
    """
    _check(information, time)
    found: list[float] = []
    grid: Values = np.zeros(1)
    mass: Values = np.ones(1)
    before = already = 0.0
    for now, moment in zip(information, time, strict=True):
        step = math.sqrt(now - before)
        budget = spent(moment, alpha=alpha) - already
        edge = _edge(grid, mass, step, budget, most=FURTHEST * math.sqrt(now))
        found.append(edge / math.sqrt(now))
        already += _crossing(grid, mass, step, edge)
        grid, mass = _carry(grid, mass, step, edge)
        before = now
    return tuple(found)


def _check(information: Sequence[float], time: Sequence[float]) -> None:
    if any(later <= earlier for earlier, later in zip((0.0, *information), information, strict=False)):
        raise ValueError(f"Information must increase from look to look: {information}.")
    if any(later <= earlier for earlier, later in zip((0.0, *time), time, strict=False)):
        raise ValueError(f"Time must increase from look to look: {time}.")


def _edge(grid: Values, mass: Values, step: float, budget: float, *, most: float) -> float:
    """The bound that paths cross with the probability `budget`, by bisection; at most `most`."""
    low, high = 0.0, most
    if _crossing(grid, mass, step, most) >= budget:
        return most
    while high - low > 1e-4 * most:
        middle = (low + high) / 2
        low, high = (middle, high) if _crossing(grid, mass, step, middle) > budget else (low, middle)
    return (low + high) / 2


def _crossing(grid: Values, mass: Values, step: float, edge: float) -> float:
    """Probability that a path that has not crossed yet leaves [-edge, edge] with the next step."""
    outside = _tail((edge - grid) / step) + _tail((edge + grid) / step)
    return float(mass @ outside)


def _carry(grid: Values, mass: Values, step: float, edge: float) -> tuple[Values, Values]:
    """Where the paths are that have not crossed after the step, and with which probability (trapezoidal rule)."""
    points = np.linspace(-edge, edge, _POINTS)
    density = np.exp(-0.5 * ((points[:, None] - grid) / step) ** 2) @ mass / (step * math.sqrt(2 * math.pi))
    weights = np.full(_POINTS, points[1] - points[0])
    weights[[0, -1]] /= 2
    return points, density * weights


@cache
def _tails() -> tuple[Values, Values]:
    """Points and the probabilities above them; between them a straight line is right to seven digits."""
    points = np.linspace(-9, 9, 18_001)
    return points, np.array([NORMAL.cdf(-point) for point in points])


def _tail(z: Values) -> Values:
    """Probability that a standard normal value is above `z`."""
    return np.interp(z, *_tails())
