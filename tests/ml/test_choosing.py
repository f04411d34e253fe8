import numpy as np
import pytest

from recommendations.ml.architectures.popularity import Popularity
from recommendations.ml.choosing import best_items
from recommendations.ml.context import Context
from recommendations.ml.interactions import Interactions
from recommendations.ml.job_config import ScoreConfig

VIEW, PURCHASE = 1, 6


@pytest.fixture(scope="module")
def shop() -> Interactions:
    """Ten items, item n bought by the n + 1 first customers; customer 9 also viewed item 0."""
    pairs = [(customer, item, PURCHASE) for item in range(10) for customer in range(item + 1)] + [(9, 0, VIEW)]
    customers, items, types = zip(*pairs, strict=True)
    ones = np.ones(len(pairs))
    return Interactions.from_arrays(customers, items, types, ones, ones)


def chosen(shop: Interactions, **options):
    model = Popularity()
    model.fit(shop, Context())
    config = ScoreConfig(artefact="", had_types=[PURCHASE], **options)
    return best_items(model, shop.histories, config, None)


def test_without_places_for_new_items_the_best_fill_the_list(shop):
    items, scores, had = chosen(shop, k=4)
    assert (np.diff(scores) <= 0).all()
    assert had[0].all(), "customer 0 has bought everything"
    assert had[9].tolist() == [item == 9 for item in items[9]], "a look is no purchase"


def test_places_are_kept_for_new_items_and_nothing_is_listed_twice(shop):
    items, scores, had = chosen(shop, k=4, new_share=0.5)
    for row, (listed, values, known) in enumerate(zip(items, scores, had, strict=True)):
        real = listed[listed >= 0]
        assert len(set(real)) == len(real)
        assert (np.diff(values[listed >= 0]) <= 0).all()
        new_ones = 10 - len(range(row, 10))
        assert (~known & (listed >= 0)).sum() >= min(2, new_ones)


def test_a_list_longer_than_the_catalogue_ends_with_nothing(shop):
    items, scores, had = chosen(shop, k=30, new_share=0.5)
    assert ((items >= 0).sum(axis=1) <= 10).all()
    assert not had[items < 0].any()
    assert np.isneginf(scores[items < 0]).all()
