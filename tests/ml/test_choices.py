import numpy as np
import pytest

from recommendations.ml.choices import Choices
from recommendations.ml.interactions import Interactions


@pytest.fixture(scope="module")
def camps():
    """Two camps of customers, each rating mostly its own half of the items."""
    generator = np.random.default_rng(3)
    own = np.arange(80)[:, None] % 2 == np.arange(40)[None, :] % 2
    customer, item = np.nonzero(generator.random((80, 40)) < np.where(own, 0.6, 0.1))
    return Interactions.from_arrays(
        customer, item, np.ones(len(item)), generator.permutation(len(item)), generator.integers(1, 6, len(item))
    )


def test_the_numbers_tell_the_camps_apart(camps):
    choices, items = Choices.fit(camps, seed=0)
    customers = choices.of(camps.histories)
    camp = np.arange(80) % 2
    sides = customers[:, 1].numpy()
    assert (np.sign(sides) == np.where(camp == camp[0], np.sign(sides[0]), -np.sign(sides[0]))).mean() > 0.95
    assert items.shape == (40, customers.shape[1])


def test_the_numbers_have_unit_variance_and_count_the_ratings(camps):
    choices, _items = Choices.fit(camps, seed=0)
    customers = choices.of(camps.histories).numpy()
    assert np.sqrt((customers[:, 1:] ** 2).mean(axis=0)) == pytest.approx(1, abs=0.1)
    logs = np.log1p(camps.histories.lengths)
    assert customers[:, 0] == pytest.approx((logs - logs.mean()) / logs.std(), abs=1e-4)


def test_an_empty_history_has_numbers_too(camps):
    choices, _items = Choices.fit(camps, seed=0)
    nobody = choices.of(camps.histories.pick(np.zeros(0, dtype=np.int64), np.zeros(1, dtype=np.int64)))
    assert nobody[0, 1:].abs().max() == 0
    assert nobody.isfinite().all()


def test_one_customer_with_one_item_is_enough():
    one = Interactions.from_arrays([0], [0], [1], [0], [3.0])
    choices, items = Choices.fit(one, seed=0)
    assert choices.of(one.histories).isfinite().all()
    assert items.isfinite().all()
