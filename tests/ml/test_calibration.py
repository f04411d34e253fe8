import numpy as np
import pytest

from recommendations.ml.calibration import Platt, auc, expected_calibration_error, sigmoid


def coins(n, seed=1):
    """True logits, and outcomes drawn by them."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(-1, 2, n)
    return logits, generator.random(n) < sigmoid(logits)


def test_overconfident_logits_are_brought_back():
    logits, happened = coins(20_000)
    spoilt = 3.0 * logits + 2.0
    before = expected_calibration_error(sigmoid(spoilt), happened)
    fitted = Platt.fit(spoilt[:10_000], happened[:10_000])
    after = expected_calibration_error(fitted(spoilt[10_000:]), happened[10_000:])
    assert before > 0.1
    assert after < 0.02
    assert (fitted.slope, fitted.offset) == (pytest.approx(1 / 3, abs=0.03), pytest.approx(-2 / 3, abs=0.08))


@pytest.mark.parametrize("happened", [np.zeros(50, dtype=bool), np.ones(50, dtype=bool)])
def test_what_always_or_never_happened_stays_a_little_uncertain(happened):
    probability = Platt.fit(np.linspace(-1, 1, 50), happened)(np.zeros(1))
    assert 0 < probability[0] < 1
    assert abs(probability[0] - happened[0]) < 0.1


def test_without_examples_nothing_changes():
    assert Platt.fit(np.zeros(0), np.zeros(0, dtype=bool)) == Platt(1.0, 0.0)


def test_separable_examples_and_huge_logits_do_not_overflow():
    logits = np.array([-1e9, -1e6, 1e6, 1e9])
    probability = Platt.fit(logits, logits > 0)(logits)
    assert np.isfinite(probability).all()
    assert (np.diff(probability) >= 0).all()


def test_calibration_error_by_its_definition():
    probability = np.array([0.1, 0.1, 0.9, 0.9])
    happened = np.array([False, True, True, True])
    assert expected_calibration_error(probability, happened, bins=2) == pytest.approx((0.4 * 2 + 0.1 * 2) / 4)
    assert expected_calibration_error(np.zeros(0), np.zeros(0, dtype=bool)) == 0


def test_auc_is_the_share_of_pairs_in_the_right_order():
    generator = np.random.default_rng(3)
    probability, happened = generator.integers(0, 10, 60) / 10, generator.random(60) < 0.4
    pairs = [(p > q) + 0.5 * (p == q) for p in probability[happened] for q in probability[~happened]]
    assert auc(probability, happened) == pytest.approx(np.mean(pairs))
    assert auc(probability, np.ones(60, dtype=bool)) == 0.5
