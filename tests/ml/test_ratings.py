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
    item = np.tile(np.arange(60), len(split.test))
    expected = model.rate(split.test.histories, row, item, np.zeros(len(row), dtype=np.int64))
    assert expected.min() >= tastes.value.min()
    assert expected.max() <= tastes.value.max()


def test_a_passing_mood_is_followed():
    generator = np.random.default_rng(2)
    day, within = np.divmod(np.arange(30), 10)
    rows = []
    for customer in range(150):
        mood = np.repeat(generator.normal(scale=1.0, size=3), 10)
        items = generator.permutation(60)[:30]
        rating = 3 + mood + 0.3 * generator.normal(size=30)
        rows.append(np.stack([np.full(30, customer), items, np.ones(30), day * 864_000 + within * 60, rating]))
    customer, item, kind, time, value = np.concatenate(rows, axis=1)
    split = leave_last_out(Interactions.from_arrays(customer, item, kind, time, value))
    model = create("mf")
    model.fit(split.development, Context())
    plain = model.ratings.predict(split.test.histories, np.arange(150), split.test.target_items.astype(np.int64))
    assert judge_ratings(model, split.test)["rmse"] < 0.7 * np.sqrt(((plain - split.test.target_values) ** 2).mean())


def test_without_ratings_nothing_is_foretold(ring):
    split = leave_last_out(ring)
    model = create("mf")
    model.fit(split.train, Context())
    assert judge_ratings(model, split.test) == {}
