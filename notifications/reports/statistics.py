"""The statistics of a comparison between two arms, each from its published formula.

- Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. JASA 22, 209-212.
- Newcombe, R. G. (1998). Interval estimation for the difference between independent proportions: comparison of eleven
  methods. Statistics in Medicine 17, 873-890 (method 10, the hybrid score interval).
- Welch, B. L. (1947). The generalization of Student's problem when several different population variances are
  involved. Biometrika 34, 28-35.
- Abramowitz, M. and Stegun, I. A. (1964). Handbook of Mathematical Functions, 26.7.5.
- Fleiss, J. L., Levin, B. and Paik, M. C. (2003). Statistical Methods for Rates and Proportions, 3rd ed., chapter 4.
- Fabijan, A. et al. (2019). Diagnosing sample ratio mismatch in online controlled experiments. KDD '19, 2156-2164.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

NORMAL = NormalDist()
Z95 = NORMAL.inv_cdf(0.975)


@dataclass(frozen=True)
class Interval:
    """An estimate with the bounds of its confidence interval."""

    estimate: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0 or self.high < 0


def wilson(successes: int, trials: int, *, z: float = Z95) -> Interval:
    """The score interval of a proportion, `z` standard errors to each side. `trials` must be positive."""
    share = successes / trials
    middle = share + z * z / (2 * trials)
    spread = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    return Interval(share, max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale))


def difference_of_proportions(
    successes: int, trials: int, other_successes: int, other_trials: int, *, z: float = Z95
) -> Interval:
    """The first proportion less the other, with Newcombe's hybrid score interval."""
    one = wilson(successes, trials, z=z)
    other = wilson(other_successes, other_trials, z=z)
    difference = one.estimate - other.estimate
    below = math.hypot(one.estimate - one.low, other.high - other.estimate)
    above = math.hypot(one.high - one.estimate, other.estimate - other.low)
    return Interval(difference, difference - below, difference + above)


@dataclass(frozen=True)
class Sample:
    """Size, mean and unbiased variance of a sample."""

    size: int
    mean: float
    variance: float

    @classmethod
    def from_sums(cls, size: int, total: float, squares: float) -> "Sample":
        """From the sums that SQL gives; customers who spent nothing only add to `size`."""
        mean = total / size if size else 0.0
        variance = max(0.0, (squares - size * mean * mean) / (size - 1)) if size > 1 else 0.0
        return cls(size, mean, variance)


def difference_of_means(one: Sample, other: Sample, *, z: float = Z95) -> Interval | None:
    """The first mean less the other, with Welch's interval; None where a variance cannot be estimated."""
    if min(one.size, other.size) < 2:
        return None
    difference = one.mean - other.mean
    parts = (one.variance / one.size, other.variance / other.size)
    error = math.sqrt(sum(parts))
    if error == 0:
        return None
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / (one.size - 1) + parts[1] ** 2 / (other.size - 1))
    margin = student_quantile(z, freedom) * error
    return Interval(difference, difference - margin, difference + margin)


def student_quantile(z: float, freedom: float) -> float:
    """Where Student's t has the probability that the normal distribution has at `z`.

    By the expansion 26.7.5; for |z| up to 2.6 within 0.001 for 10 and more degrees of freedom.
    """
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / freedom**power for power, term in enumerate(terms, start=1))


def sample_ratio_p_value(observed: int, total: int, *, share: float) -> float:
    """Probability of a split at least as uneven as `observed` of `total`, were `share` true (chi-square, 1 d.f.)."""
    expected = total * share
    if expected in (0, total):
        return 1.0 if observed == expected else 0.0
    chi_square = (observed - expected) ** 2 * (1 / expected + 1 / (total - expected))
    return math.erfc(math.sqrt(chi_square / 2))


def customers_needed(
    base: float, lifted: float, *, hold_out: float, power: float = 0.8, confidence: float = 0.95
) -> int:
    """Customers in both arms together that show a conversion of `lifted` against `base` with the given power."""
    ratio = (1 - hold_out) / hold_out  # treated customers per held-out one
    mean = (base + ratio * lifted) / (1 + ratio)
    alpha, beta = NORMAL.inv_cdf((1 + confidence) / 2), NORMAL.inv_cdf(power)
    null = math.sqrt((1 + 1 / ratio) * mean * (1 - mean))
    effect = math.sqrt(base * (1 - base) + lifted * (1 - lifted) / ratio)
    held_out = ((alpha * null + beta * effect) / (lifted - base)) ** 2
    return math.ceil(held_out * (1 + ratio))
