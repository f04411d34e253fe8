import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifications.reports.statistics import (
    NORMAL,
    Sample,
    customers_needed,
    difference_of_means,
    difference_of_proportions,
    sample_ratio_p_value,
    student_quantile,
    wilson,
)


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    # Newcombe (1998), Interval estimation for the single proportion, table I, method 3
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_agrees_with_the_published_table(successes, trials, low, high):
    interval = wilson(successes, trials)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    # Newcombe (1998), difference between independent proportions, table II, method 10
    [
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((6, 7, 2, 7), 0.0582, 0.8062),
        ((5, 56, 0, 29), -0.0381, 0.1926),
        ((0, 10, 0, 20), -0.1611, 0.2775),
        ((10, 10, 0, 10), 0.6075, 1.0),
    ],
)
def test_the_difference_agrees_with_the_published_table(counts, low, high):
    interval = difference_of_proportions(*counts)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-5)


@settings(deadline=None)  # how long an example takes says nothing here
@given(st.integers(1, 500), st.integers(1, 500), st.data())
def test_the_difference_stays_possible_and_turns_round_with_the_arms(n, m, data):
    x, y = data.draw(st.integers(0, n)), data.draw(st.integers(0, m))
    one, other = difference_of_proportions(x, n, y, m), difference_of_proportions(y, m, x, n)
    assert -1 - 1e-9 <= one.low <= one.estimate + 1e-12
    assert one.estimate <= one.high + 1e-12 <= 1 + 1e-9
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low), abs=1e-9)


@pytest.mark.parametrize("share", [0.02, 0.1])
def test_the_interval_of_the_difference_covers_the_truth(share):
    random = np.random.default_rng(11)
    treated, held_out = random.binomial(1800, share * 1.3, 3000), random.binomial(200, share, 3000)
    covered = 0
    for x, y in zip(treated.tolist(), held_out.tolist(), strict=True):
        interval = difference_of_proportions(x, 1800, y, 200)
        covered += interval.low <= share * 0.3 <= interval.high
    assert 0.93 <= covered / 3000 <= 0.97


# Quantiles as every printed table of Student's distribution has them
@pytest.mark.parametrize(
    ("probability", "freedom", "quantile"),
    [(0.975, 10, 2.2281), (0.975, 30, 2.0423), (0.975, 120, 1.9799), (0.95, 15, 1.7531), (0.995, 20, 2.8453)],
)
def test_student_quantiles_agree_with_the_printed_table(probability, freedom, quantile):
    assert student_quantile(NORMAL.inv_cdf(probability), freedom) == pytest.approx(quantile, abs=1e-3)


def test_welch_agrees_with_the_definition_on_raw_data():
    random = np.random.default_rng(3)
    one, other = random.normal(5, 2, 40), random.normal(4, 6, 25)
    interval = difference_of_means(
        Sample.from_sums(40, one.sum(), (one**2).sum()), Sample.from_sums(25, other.sum(), (other**2).sum())
    )
    error = math.sqrt(one.var(ddof=1) / 40 + other.var(ddof=1) / 25)
    assert interval.estimate == pytest.approx(one.mean() - other.mean())
    assert 2 * 1.96 * error < interval.high - interval.low < 2 * 2.1 * error
    assert interval.high - interval.estimate == pytest.approx(interval.estimate - interval.low)


def test_the_interval_of_skewed_revenue_covers_the_truth():
    random = np.random.default_rng(5)
    covered = 0
    for _ in range(2000):
        one = random.lognormal(3, 1, 900) * (random.random(900) < 0.15)
        other = random.lognormal(3, 1, 300) * (random.random(300) < 0.10)
        interval = difference_of_means(
            Sample.from_sums(900, one.sum(), (one**2).sum()), Sample.from_sums(300, other.sum(), (other**2).sum())
        )
        covered += interval.low <= 0.05 * math.exp(3.5) <= interval.high
    assert 0.92 <= covered / 2000 <= 0.97


def test_means_without_a_variance_have_no_interval():
    assert difference_of_means(Sample(1, 5, 0), Sample(10, 1, 2)) is None
    assert difference_of_means(Sample(9, 0, 0), Sample(10, 0, 0)) is None


def test_the_sample_ratio_check_agrees_with_the_chi_square_table_and_holds_its_level():
    assert sample_ratio_p_value(100, 1000, share=0.1) == 1
    # 3.841 is the 5% point of chi-square with one degree of freedom
    deviation = math.sqrt(3.841 * 1000 * 0.1 * 0.9)
    assert sample_ratio_p_value(100 + deviation, 1000, share=0.1) == pytest.approx(0.05, abs=1e-4)
    draws = np.random.default_rng(7).binomial(2000, 0.1, 4000).tolist()
    assert np.mean([sample_ratio_p_value(n, 2000, share=0.1) < 0.05 for n in draws]) == pytest.approx(0.05, abs=0.015)


def test_as_many_customers_as_needed_give_the_power_asked_for():
    needed = customers_needed(0.10, 0.12, hold_out=0.3)
    held_out = round(needed * 0.3)
    random = np.random.default_rng(9)
    treated, control = random.binomial(needed - held_out, 0.12, 2000), random.binomial(held_out, 0.10, 2000)
    shown = [
        difference_of_proportions(x, needed - held_out, y, held_out).excludes_zero
        for x, y in zip(treated.tolist(), control.tolist(), strict=True)
    ]
    assert np.mean(shown) == pytest.approx(0.8, abs=0.04)
    # Fleiss, Levin and Paik, equal arms: the textbook's 0.25 against 0.40 needs 152 per arm
    assert customers_needed(0.25, 0.40, hold_out=0.5) == pytest.approx(304, abs=2)
