import numpy as np
import pytest

from recommendations.ml.bootstrap import bootstrap_interval
from recommendations.ml.errors import ConfigError
from recommendations.ml.interactions import Interactions
from recommendations.ml.judging import judge, judge_fully
from recommendations.ml.slices import customer_slices, item_slices
from recommendations.ml.splits import k_folds, leave_last_out, temporal


@pytest.fixture
def shop():
    """200 customers with 3 to 40 events over items of very different popularity."""
    generator = np.random.default_rng(1)
    lengths = generator.integers(3, 40, 200)
    customer = np.repeat(np.arange(200), lengths)
    item = (generator.random(len(customer)) ** 3 * 900).astype(int)
    time = generator.permutation(len(customer))
    ones = np.ones(len(customer))
    return Interactions.from_arrays(customer, item, ones, time, ones)


class Oracle:
    """Ranks as it is told to."""

    def __init__(self, ranked, item_ids):
        self.ranked, self.item_ids = ranked, item_ids

    def rank(self, histories, k, *, exclude_seen):
        items = self.ranked[:, :k]
        return items, np.zeros(items.shape, dtype=np.float32)


def test_slices_and_interval_are_the_means_of_their_parts(shop):
    split = leave_last_out(shop)
    generator = np.random.default_rng(2)
    ranked = np.array([generator.permutation(shop.n_items)[:50] for _ in range(len(split.test))])
    for row in range(0, len(ranked), 3):  # a third of all lists hold what is looked for
        target = split.test.target_items[row]
        ranked[row][ranked[row] == target] = ranked[row, row % 12]
        ranked[row, row % 12] = target
    model = Oracle(ranked, shop.item_ids)
    full = judge_fully(model, split.test, before=split.train, exclude_seen=False, seed=1)
    assert judge(model, split.test, exclude_seen=False).items() <= full.items()
    assert full["ndcg@10 low"] < full["ndcg@10"] < full["ndcg@10 high"]
    counts = np.bincount(split.train.item, minlength=shop.n_items)
    targets, lengths = split.test.target_items, split.test.histories.lengths
    place = np.array([list(row[:10]).index(t) if t in row[:10] else -1 for row, t in zip(ranked, targets, strict=True)])
    gain = np.where(place >= 0, 1 / np.log2(place + 2.0, where=place >= 0, out=np.ones(len(place))), 0.0)
    assert full["ndcg@10 new"] == pytest.approx(gain[lengths <= 4].mean())
    assert full["ndcg@10 cold"] == pytest.approx(gain[counts[targets] <= 4].mean())
    parts = [rows.mean() * full[f"ndcg@10 {name}"] for name, rows in customer_slices(split.test).items()]
    assert sum(parts) == pytest.approx(full["ndcg@10"])


def test_every_item_and_customer_is_in_one_slice_and_the_head_holds_half(shop):
    split = leave_last_out(shop)
    assert (sum(rows.astype(int) for rows in customer_slices(split.test).values()) == 1).all()
    parts = item_slices(split.train)
    assert (sum(rows.astype(int) for rows in parts.values()) == 1).all()
    counts = np.bincount(split.train.item, minlength=shop.n_items)
    assert counts[parts["head"]].sum() >= counts.sum() / 2
    assert counts[parts["head"]].min() >= counts[parts["tail"]].max()


def test_the_interval_agrees_with_drawing_customers_one_by_one():
    generator = np.random.default_rng(3)
    values = generator.choice([0.0, 0.0, 0.0, 0.5, 1.0], 400)
    means = [generator.choice(values, len(values)).mean() for _ in range(4000)]
    np.testing.assert_allclose(bootstrap_interval(values, seed=1), np.quantile(means, [0.025, 0.975]), atol=0.006)
    assert bootstrap_interval(np.full(9, 0.25), seed=1) == (0.25, 0.25)
    assert np.isnan(bootstrap_interval(np.zeros(0), seed=1)).all()


def test_the_temporal_split_shows_nobody_the_future(shop):
    split = temporal(shop)
    for before, held_out in ((split.train, split.validation), (split.development, split.test)):
        assert len(held_out)
        assert before.time.max() < held_out.target_times.min(), "of no customer whatsoever"
        assert held_out.histories.time.max() < held_out.target_times.min()
    assert split.validation.target_times.max() < split.test.target_times.min()
    assert len(split.train) / len(shop) == pytest.approx(0.8, abs=0.01)


def test_events_of_one_moment_stay_on_one_side_of_a_temporal_split():
    ones = np.ones(100)
    table = Interactions.from_arrays(np.arange(100) % 10, np.arange(100) % 7, ones, np.arange(100) // 25, ones)
    split = temporal(table)
    assert not set(split.development.time.tolist()) & set(split.test.target_times.tolist())


def test_folds_test_every_customer_once_by_models_that_never_saw_it(shop):
    folds = k_folds(shop, folds=4, seed=1)
    tested = np.concatenate([split.test.customer for split in folds])
    assert sorted(tested.tolist()) == list(range(200))
    for split in folds:
        assert not set(split.train.customer) & (set(split.test.customer) | set(split.validation.customer))
        assert not set(split.development.customer) & set(split.test.customer)
        assert set(split.validation.customer) <= set(split.development.customer)
        last = shop.item[shop.offsets[1:] - 1]
        np.testing.assert_array_equal(split.test.target_items, last[split.test.customer])
        np.testing.assert_array_equal(split.test.histories.lengths, shop.histories.lengths[split.test.customer] - 1)
    with pytest.raises(ConfigError, match="three folds"):
        k_folds(shop, folds=2, seed=1)
