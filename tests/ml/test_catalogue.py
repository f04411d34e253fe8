"""Items that nobody has bought yet are what items like them are."""

import numpy as np
import pytest

from recommendations.ml.architectures import create, load
from recommendations.ml.catalogue import Catalogue
from recommendations.ml.context import Context
from recommendations.ml.errors import DataError
from recommendations.ml.features import Features
from recommendations.ml.interactions import Interactions
from recommendations.ml.splits import leave_last_out
from tests.ml.test_architectures import small

KINDS = ("mug", "hose", "shirt", "陶瓷", "软管")
PER_KIND, COLD = 24, 6
N = len(KINDS) * PER_KIND


def catalogue():
    """Items of five kinds, told by their texts alone."""
    kind = np.arange(N) % len(KINDS)
    colours = np.random.default_rng(5).choice(["red", "blue", "green"], N)
    features = Features(
        ids=np.arange(N) + 500,
        numbers=np.where(np.arange(N)[:, None] % 7 == 0, np.nan, kind[:, None]).astype(np.float32),
        number_names=("price",),
        codes=np.zeros((N, 1), dtype=np.int32) - 1,
        code_names=("brand",),
        words=((),),
    )
    texts = [f"{colour} {KINDS[k]}" for colour, k in zip(colours, kind, strict=True)]
    return Catalogue(features, texts, np.full((N, 0), np.nan, dtype=np.float32)), kind


@pytest.fixture(scope="module")
def shop():
    """Everybody keeps to one kind; the last items of every kind have never been bought."""
    generator = np.random.default_rng(2)
    warm = N - COLD * len(KINDS)
    rows = []
    for customer in range(400):
        own = customer % len(KINDS)
        for n, item in enumerate(generator.choice(np.arange(own, warm, len(KINDS)), 6, replace=False)):
            rows.append((customer, item + 500, 1, n * 86_400, 1.0))
    stock, kind = catalogue()
    interactions = Interactions.from_arrays(*np.array(rows).T.astype(np.int64)).with_items(stock.features.ids)
    return interactions, stock, kind, np.arange(N) >= warm


@pytest.mark.parametrize("name", ["transformer", "content", "blend"])
def test_a_cold_item_like_those_liked_ranks_far_above_chance(shop, name, tmp_path):
    interactions, stock, kind, cold = shop
    split = leave_last_out(interactions)
    vectors = stock.vectors(interactions.item_ids)
    model = small(name)
    model.fit(split.train, Context(validation=split.validation, features=vectors))
    model.save(tmp_path / "m.npz")
    scores = load(tmp_path / "m.npz").score(split.test.histories)
    np.testing.assert_allclose(scores, model.score(split.test.histories), rtol=1e-4, atol=1e-4)
    own = kind[None, :] == (split.test.customer % len(KINDS))[:, None]
    rank = (-scores).argsort(axis=1).argsort(axis=1)
    assert rank[own & cold].mean() < 0.35 * N, "chance would be half of the catalogue"
    among = np.where(cold, scores, -np.inf).argsort(axis=1)[:, -COLD:]
    found = np.take_along_axis(own, among, axis=1).mean()
    assert found > 0.8, f"of the best cold items {found:.0%} are of the liked kind; chance is {1 / len(KINDS):.0%}"


def test_without_features_cold_items_are_left_to_chance(shop):
    interactions, _, kind, cold = shop
    split = leave_last_out(interactions)
    model = small("transformer", epochs=6)
    model.fit(split.train, Context(validation=split.validation))
    among = np.where(cold, model.score(split.test.histories), -np.inf).argsort(axis=1)[:, -COLD:]
    own = kind[among] == (split.test.customer % len(KINDS))[:, None]
    assert own.mean() < 0.5


def test_the_parts_of_a_vector_each_say_something():
    stock, kind = catalogue()
    vectors = stock.vectors(stock.features.ids)
    assert np.isfinite(vectors).all(), "unknown numbers count as none"
    alike = vectors @ vectors.T
    same = kind[:, None] == kind
    assert alike[same].mean() > alike[~same].mean() + 0.3
    given = Catalogue(stock.features, [""] * N, np.eye(len(KINDS), dtype=np.float32)[kind])
    alike = given.vectors(stock.features.ids) @ given.vectors(stock.features.ids).T
    assert alike[same].mean() > alike[~same].mean() + 0.3


def test_unknown_items_get_no_direction():
    stock, _ = catalogue()
    assert not stock.vectors(np.array([1, 2])).any()


def test_a_catalogue_is_kept_as_it_was(tmp_path):
    stock, _ = catalogue()
    stock.save(tmp_path / "c.npz")
    again = Catalogue.load(tmp_path / "c.npz")
    assert list(again.texts) == list(stock.texts)
    np.testing.assert_array_equal(again.features.numbers, stock.features.numbers)
    assert again.features.code_names == stock.features.code_names
    assert Catalogue.load(tmp_path / "none.npz") is None
    (tmp_path / "bad.npz").write_bytes(b"no archive")
    with pytest.raises(DataError, match="not a readable catalogue"):
        Catalogue.load(tmp_path / "bad.npz")


@pytest.mark.parametrize("name", ["transformer", "content"])
def test_features_that_are_no_numbers_are_survived(shop, name):
    interactions, stock, _, _ = shop
    vectors = stock.vectors(interactions.item_ids)
    vectors[::3] = np.nan
    model = small(name, epochs=1) if name != "content" else create(name)
    model.fit(interactions, Context(features=vectors))
    assert np.isfinite(model.score(interactions.histories)).all()
