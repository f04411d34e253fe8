import numpy as np
import pytest

from recommendations.ml.architectures import create, load
from recommendations.ml.context import Context
from recommendations.ml.interactions import Interactions
from recommendations.ml.judging import judge_ratings
from recommendations.ml.splits import leave_last_out


@pytest.fixture(scope="module")
def tastes():
    """Two kinds of customers rate two kinds of items 5 or 1, with noise; every pair is rated with probability 1/2."""
    generator = np.random.default_rng(1)
    customer, item = np.nonzero(generator.random((120, 60)) < 0.5)
    value = np.where(customer % 2 == item % 2, 5.0, 1.0) + generator.normal(scale=0.3, size=len(item))
    time = generator.permutation(len(item))
    return Interactions.from_arrays(customer, item, np.ones(len(item)), time, value)


def test_tastes_are_found_and_kept(tastes, tmp_path):
    split = leave_last_out(tastes)
    model = create("mf")
    model.fit(split.development, Context())
    errors = judge_ratings(model, split.test)
    assert errors["rmse"] < 0.5 < split.test.target_values.std()
    assert errors["rmse"] == pytest.approx(errors["mse"] ** 0.5)
    assert errors["mae"] <= errors["rmse"]
    model.save(tmp_path / "mf.npz")
    assert judge_ratings(load(tmp_path / "mf.npz"), split.test) == pytest.approx(errors, abs=1e-4)


def test_expected_ratings_stay_within_the_scale(tastes):
    split = leave_last_out(tastes)
    model = create("mf")
    model.fit(split.train, Context())
    row = np.repeat(np.arange(len(split.test)), 60)
    expected = model.rate(split.test.histories, row, np.tile(np.arange(60), len(split.test)))
    assert expected.min() >= tastes.value.min()
    assert expected.max() <= tastes.value.max()


def test_without_ratings_nothing_is_foretold(ring):
    split = leave_last_out(ring)
    model = create("mf")
    model.fit(split.train, Context())
    assert judge_ratings(model, split.test) == {}
