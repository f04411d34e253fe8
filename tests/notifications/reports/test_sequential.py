import numpy as np
import pytest

from notifications.reports.comparison import difference_of_proportions
from notifications.reports.looks import Look
from notifications.reports.sequential import bounds, spent

EVENLY = tuple(number / 20 for number in range(1, 21))


@pytest.mark.parametrize(
    ("looks", "published"),
    # Lan-DeMets bounds in the manner of O'Brien and Fleming, two-sided 5%, evenly spaced looks, as printed by the
    # programs of Reboussin, DeMets, Kim and Lan (2000)
    [
        (1, [1.96]),
        (2, [2.963, 1.969]),
        (3, [3.710, 2.511, 1.993]),
        (5, [4.877, 3.357, 2.680, 2.290, 2.031]),
    ],
)
def test_the_bounds_agree_with_the_published_ones(looks, published):
    evenly = tuple(number / looks for number in range(1, looks + 1))
    assert bounds(evenly, evenly) == pytest.approx(published, abs=2e-3)


def test_a_bound_depends_on_the_looks_before_it_only():
    front_loaded = (0.6, 0.8, 0.95, 1.0)
    whole = bounds(front_loaded, (0.25, 0.5, 0.75, 1.0))
    assert bounds((0.6, 0.8), (0.25, 0.5)) == pytest.approx(whole[:2], abs=1e-3)
    assert bounds((6.0, 8.0), (0.25, 0.5)) == pytest.approx(whole[:2], abs=1e-3)


def test_everything_is_spent_at_the_end_and_nothing_before_the_start():
    assert (spent(0), spent(1), spent(7)) == (0, pytest.approx(0.05), pytest.approx(0.05))
    assert list(EVENLY) == sorted(EVENLY, key=spent)


@pytest.mark.parametrize(
    ("information", "time"), [((0.5, 0.5), (0.5, 1.0)), ((0.5, 1.0), (0.5, 0.5)), ((0.0,), (1.0,))]
)
def test_looks_at_which_nothing_is_new_are_refused(information, time):
    with pytest.raises(ValueError, match="must increase"):
        bounds(information, time)


class Campaigns:
    """Campaigns of 20 looks; at each, 1,000 customers more in either arm. Cumulative counts [campaigns, looks]."""

    CUSTOMERS = np.arange(1, 21) * 1000

    def __init__(self, number, *, base, lift, seed):
        random = np.random.default_rng(seed)
        self.treated = random.binomial(1000, base * (1 + lift), (number, 20)).cumsum(axis=1)
        self.held_out = random.binomial(1000, base, (number, 20)).cumsum(axis=1)

    def looks(self, campaign):
        for place, bound in enumerate(bounds(EVENLY, EVENLY)):
            arms = (self.treated[campaign, place], self.held_out[campaign, place])
            counts = [int(figure) for buyers in arms for figure in (self.CUSTOMERS[place], buyers)]
            yield Look(place + 1, None, *counts, bound=bound)

    def shown(self):
        """Share of the campaigns of which some look says that there is a difference."""
        campaigns = range(len(self.treated))
        return np.mean([any(abs(look.z) >= look.bound for look in self.looks(each)) for each in campaigns])


def test_looking_twenty_times_finds_no_lift_where_there_is_none():
    assert Campaigns(1000, base=0.1, lift=0, seed=1).shown() <= 0.06


def test_a_lift_of_eight_percent_is_found_by_seven_of_ten():
    assert Campaigns(1000, base=0.1, lift=0.08, seed=2).shown() >= 0.70


@pytest.mark.parametrize("lift", [0, 0.08])
def test_the_last_interval_covers_the_truth(lift):
    random = np.random.default_rng(3)
    treated, held_out = random.binomial(20_000, 0.1 * (1 + lift), 20_000), random.binomial(20_000, 0.1, 20_000)
    last, covered = bounds(EVENLY, EVENLY)[-1], 0
    for one, other in zip(treated.tolist(), held_out.tolist(), strict=True):
        interval = difference_of_proportions(one, 20_000, other, 20_000, z=last)
        covered += interval.low <= 0.1 * lift <= interval.high
    assert 0.93 <= covered / 20_000 <= 0.97


def test_counting_buyers_instead_of_customers_hardly_moves_a_bound():
    campaigns = Campaigns(1, base=0.1, lift=0.08, seed=4)
    buyers = (campaigns.treated + campaigns.held_out)[0]
    assert bounds(tuple(buyers.tolist()), EVENLY)[5:] == pytest.approx(bounds(EVENLY, EVENLY)[5:], abs=0.03)
