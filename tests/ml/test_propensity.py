"""Customers with rates of their own, some of whom leave: what lies ahead of them is known by construction."""

import numpy as np
import pytest

from recommendations.ml.calibration import auc, expected_calibration_error
from recommendations.ml.interactions import Interactions
from recommendations.ml.propensity import DAY, Outcome, foretell, signals

VIEW, PURCHASE = 1, 6
KINDS = (Outcome("click", (VIEW,), 30), Outcome("purchase", (PURCHASE,), 30))
DAYS = 400


def shop(customers=1500, seed=1, future=60):
    """Interactions of DAYS days, and of the `future` days that nobody may see."""
    generator = np.random.default_rng(seed)
    rate = generator.gamma(0.7, 0.08, customers)  # events a day
    leaves = generator.exponential(300, customers)
    rows = []
    for customer in range(customers):
        count = generator.poisson(rate[customer] * (DAYS + future))
        for day in generator.uniform(0, DAYS + future, count):
            if day < leaves[customer]:
                kind = PURCHASE if generator.random() < 0.3 else VIEW
                rows.append((customer, generator.integers(0, 50), kind, int(day * DAY), 1.0))
    return np.array(rows)


@pytest.fixture(scope="module")
def past_and_future():
    rows = shop()
    return Interactions.from_arrays(*rows[rows[:, 3] < DAYS * DAY].T), Interactions.from_arrays(*rows.T)


@pytest.mark.parametrize(
    "outcome",
    [*KINDS, Outcome("churn", (), 60, absent=True)],
    ids=lambda outcome: outcome.name,
)
def test_what_is_foretold_happens_as_often_as_it_says(past_and_future, outcome):
    past, whole = past_and_future
    found = foretell(past, outcome, KINDS, seed=1)
    later = whole.histories.rows(np.searchsorted(whole.customer_ids, past.customer_ids))
    happened = outcome.happened(later, float(past.time.max()) + 1)
    assert expected_calibration_error(found.probability, happened, bins=8) < 0.06
    assert auc(found.probability, happened) > 0.75
    assert found.quality["auc"] > 0.75
    assert found.quality["ece"] < 0.08


def test_the_signals_of_a_moment_see_nothing_of_what_follows(past_and_future):
    past, _ = past_and_future
    at = 200 * DAY
    before = past.keep(past.time < at)
    np.testing.assert_array_equal(signals(past.histories, at, KINDS), signals(before.histories, at, KINDS))


def test_intensities_by_their_definition():
    one = Interactions.from_arrays([1, 1], [5, 6], [VIEW, PURCHASE], [0, 7 * DAY], [1, 1])
    found = signals(one.histories, 14 * DAY, KINDS)[0]
    clicks, purchases = np.expm1(found[:6]), np.expm1(found[6:12])
    np.testing.assert_allclose(
        clicks, [2**-14, 2**-2, 2 ** (-14 / 30), 2 ** (-14 / 90), 2 ** (-14 / 365), 14], rtol=1e-4
    )
    np.testing.assert_allclose(purchases[:2], [2**-7, 2**-1], rtol=1e-4)


@pytest.mark.parametrize("rows", [0, 1, 40])
def test_too_little_is_not_foretold_from(rows):
    generator = np.random.default_rng(1)
    times = np.sort(generator.uniform(0, 20 * DAY, rows)).astype(np.int64)
    ones = np.ones(rows)
    little = Interactions.from_arrays(np.arange(rows), ones, ones * PURCHASE, times, ones)
    assert foretell(little, KINDS[1], KINDS, seed=1) is None


def test_the_same_seed_foretells_the_same(past_and_future):
    past, _ = past_and_future
    first, second = (foretell(past, KINDS[1], KINDS, seed=4) for _ in range(2))
    np.testing.assert_array_equal(first.probability, second.probability)
