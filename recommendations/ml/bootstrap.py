"""How far a mean may be off, because other customers might have been judged."""

import numpy as np
from numpy.typing import NDArray

DRAWS = 2000


def bootstrap_interval(values: NDArray[np.float64], *, seed: int, level: float = 0.95) -> tuple[float, float]:
    """Percentile bootstrap interval (Efron, 1979) of the mean of `values` [m]; both bounds are NaN for none.

    Metrics of ranked lists take few different values. How often each is drawn is multinomial, so that a million
    customers cost no more than a thousand.
    """
    if not len(values):
        return float("nan"), float("nan")
    distinct, counts = np.unique(values, return_counts=True)
    generator = np.random.default_rng(seed)
    step = max(1, 4_000_000 // len(distinct))
    means = [
        generator.multinomial(len(values), counts / len(values), size=min(step, DRAWS - start)) @ distinct
        for start in range(0, DRAWS, step)
    ]
    low, high = np.quantile(np.concatenate(means) / len(values), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
