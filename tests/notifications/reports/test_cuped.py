import numpy as np
import pytest

from notifications.reports.cuped import Paired, adjusted_difference
from notifications.reports.statistics import Z95, Sample, difference_of_means


def paired(now, before):
    return Paired(len(now), now.sum(), (now**2).sum(), before.sum(), (before**2).sum(), (now * before).sum())


def shoppers(random, number, *, lift):
    """Spending now and before by the same tastes (about half of the variance is common), many zeros in both."""
    taste = random.gamma(0.6, 20, number)
    before, now = (random.poisson(taste * random.gamma(4, 0.25, number)) for _ in range(2))
    return now * (1 + lift), before.astype(float)


def test_it_agrees_with_the_definition_on_raw_data():
    random = np.random.default_rng(1)
    (y1, x1), (y0, x0) = shoppers(random, 700, lift=0.1), shoppers(random, 300, lift=0)
    slope = (np.cov(y1, x1)[0, 1] * 699 + np.cov(y0, x0)[0, 1] * 299) / (x1.var() * 700 + x0.var() * 300)
    usual = np.concatenate([x1, x0]).mean()
    one, other = y1 - slope * (x1 - usual), y0 - slope * (x0 - usual)
    found = adjusted_difference(paired(y1, x1), paired(y0, x0), z=Z95)
    assert found.difference.estimate == pytest.approx(one.mean() - other.mean())
    error = np.sqrt(one.var(ddof=1) / 700 + other.var(ddof=1) / 300)
    assert found.difference.high - found.difference.estimate == pytest.approx(1.963 * error, rel=2e-3)
    assert 0.3 < found.explained < 0.8


def test_its_interval_covers_the_truth_and_is_narrower():
    random = np.random.default_rng(2)
    truth, covered, width, plain_width = 0.1 * 0.6 * 20, 0, 0.0, 0.0
    for _ in range(1000):
        one, other = paired(*shoppers(random, 800, lift=0.1)), paired(*shoppers(random, 400, lift=0))
        interval = adjusted_difference(one, other, z=Z95).difference
        covered += interval.low <= truth <= interval.high
        width += interval.high - interval.low
        samples = [Sample.from_sums(arm.size, arm.now, arm.now_squares) for arm in (one, other)]
        plain = difference_of_means(*samples)
        plain_width += plain.high - plain.low
    assert 0.93 <= covered / 1000 <= 0.97
    assert width < 0.85 * plain_width


def test_without_a_past_it_is_the_plain_difference():
    random = np.random.default_rng(3)
    y1, y0, nothing = random.gamma(1, 9, 50), random.gamma(1, 8, 40), np.zeros(50)
    found = adjusted_difference(paired(y1, nothing), paired(y0, nothing[:40]), z=Z95)
    plain = difference_of_means(Sample(50, y1.mean(), y1.var(ddof=1)), Sample(40, y0.mean(), y0.var(ddof=1)))
    assert (found.difference.low, found.difference.high) == pytest.approx((plain.low, plain.high))
    assert found.explained == pytest.approx(0)


def test_without_a_variance_there_is_no_interval():
    nothing = Paired(0, 0, 0, 0, 0, 0)
    assert adjusted_difference(nothing, nothing, z=Z95) is None
    assert adjusted_difference(Paired(9, 0, 0, 5, 30, 0), Paired(8, 0, 0, 5, 30, 0), z=Z95) is None
