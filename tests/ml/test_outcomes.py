"""A shop whose customers look at most of what they like and buy some of it, more of some items than of others."""

import numpy as np
import pytest

from recommendations.ml.architectures import create, load
from recommendations.ml.calibration import auc
from recommendations.ml.context import Context
from recommendations.ml.interactions import Interactions
from recommendations.ml.outcomes import chances, judge_outcomes, learn_outcomes, outcome_arrays, outcomes_from
from recommendations.ml.splits import leave_last_out

VIEW, PURCHASE = 1, 6
KINDS = {"click": (VIEW,), "purchase": (PURCHASE,), "cart": (3,)}
ITEMS, GROUP = 60, 12


@pytest.fixture(scope="module")
def shop():
    generator = np.random.default_rng(4)
    buying = generator.beta(1, 3, ITEMS)
    rows = []
    for customer in range(2500):
        own = generator.integers(ITEMS // GROUP)
        for n in range(generator.integers(4, 12)):
            strays = generator.random() < 0.2
            item = generator.integers(ITEMS) if strays else own * GROUP + generator.integers(GROUP)
            kind = PURCHASE if generator.random() < buying[item] else VIEW
            rows.append((customer, item, kind, n * 86_400, 1.0))
    return Interactions.from_arrays(*np.array(rows).T)


@pytest.mark.parametrize("name", ["item_knn", "transitions"])
def test_probabilities_of_recommended_items_mean_what_they_say(shop, name, tmp_path):
    split = leave_last_out(shop)
    model = create(name)
    model.fit(split.train, Context(validation=split.validation, exclude_seen=False))
    options = {"exclude_seen": False, "seed": 1}
    heads = learn_outcomes(model, split.train, split.development, KINDS, **options)
    assert set(heads) == {"click", "purchase"}, "what never happens has no head"
    quality = judge_outcomes(model, heads, split.development, shop, **options)
    for kind in heads:
        assert quality[f"{kind}_rate"] > 0.004
        assert quality[f"{kind}_ece"] < 0.25 * quality[f"{kind}_rate"]
    items, _ = model.rank(split.test.histories, 10, exclude_seen=False)
    bought = split.test.target_items[:, None] == items
    kinds = shop.type[shop.offsets[1:] - 1][split.test.customer]
    purchase = chances(model, heads, split.test.histories, items)["purchase"]
    assert auc(purchase.ravel(), (bought & (kinds == PURCHASE)[:, None]).ravel()) > 0.6
    model.outcomes = outcome_arrays(heads)
    model.save(tmp_path / "m.npz")
    again = load(tmp_path / "m.npz")
    kept = chances(again, outcomes_from(again.outcomes), split.test.histories, items)["purchase"]
    np.testing.assert_allclose(kept, purchase, rtol=1e-4, atol=1e-6)


def test_places_without_an_item_have_no_probability(shop):
    split = leave_last_out(shop)
    model = create("item_knn")
    model.fit(split.train, Context(exclude_seen=False))
    heads = learn_outcomes(model, split.train, split.development, KINDS, exclude_seen=False, seed=1)
    items = np.full((3, 4), -1)
    assert not chances(model, heads, split.test.histories.slice(0, 3), items)["click"].any()
