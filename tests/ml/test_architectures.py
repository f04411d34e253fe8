"""What every architecture promises, and that the flagship learns what only order can teach."""

import json
from dataclasses import replace

import numpy as np
import pytest

from recommendations.ml.architectures import ARCHITECTURES, create, load
from recommendations.ml.architectures.blend import Blend
from recommendations.ml.architectures.linear import Linear, LinearConfig
from recommendations.ml.architectures.mf import MF, MFConfig
from recommendations.ml.architectures.neural import Neural
from recommendations.ml.architectures.popularity import Popularity
from recommendations.ml.architectures.transformer import Transformer, TransformerConfig
from recommendations.ml.context import Context
from recommendations.ml.errors import ArtefactError, ConfigError
from recommendations.ml.interactions import Interactions
from recommendations.ml.judging import judge
from recommendations.ml.splits import leave_last_order_out, leave_last_out

SMALL = TransformerConfig(width=32, hidden=64, length=32, events=512, learning_rate=1e-2, max_epochs=15)


def small(name, epochs=SMALL.max_epochs):
    """The architecture with fewer numbers and epochs than it comes with."""
    if name == "transformer":
        return Transformer(replace(SMALL, max_epochs=epochs))
    model = create(name)
    if isinstance(model, Neural):
        model.config = replace(model.config, width=32, events=512, learning_rate=1e-2, max_epochs=epochs)
    if isinstance(model, Blend):
        model.parts[-1] = small("transformer", epochs)
    return model


@pytest.fixture(scope="module")
def fitted(ring):
    """Every architecture, fitted once on the ring."""
    split = leave_last_out(ring)
    models = {}
    for name in ARCHITECTURES:
        models[name] = small(name)
        models[name].fit(split.train, Context(validation=split.validation))
    return split, models


@pytest.mark.parametrize("name", list(ARCHITECTURES))
def test_saved_models_score_the_same(name, fitted, tmp_path):
    split, models = fitted
    histories = split.test.histories.slice(0, 50)
    models[name].save(tmp_path / "model.npz")
    loaded = load(tmp_path / "model.npz")
    assert loaded.name == name
    np.testing.assert_array_equal(loaded.item_ids, models[name].item_ids)
    np.testing.assert_allclose(loaded.score(histories), models[name].score(histories), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", list(ARCHITECTURES))
def test_scores_are_finite_and_a_row_does_not_depend_on_its_neighbours(name, fitted):
    split, models = fitted
    histories = split.test.histories
    scores = models[name].score(histories)
    assert scores.shape == (len(histories), 60)
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(models[name].score(histories.slice(7, 8))[0], scores[7], rtol=0.05, atol=0.05)


@pytest.mark.parametrize("name", list(ARCHITECTURES))
def test_an_empty_history_gets_popularity(name, fitted):
    split, models = fitted
    histories = split.test.histories.slice(0, 2)
    empty = histories.keep(histories.row == 0)
    np.testing.assert_array_equal(models[name].score(empty)[1], models[name].prior)


@pytest.mark.parametrize("name", list(ARCHITECTURES))
def test_ranking_leaves_out_what_is_not_wanted(name, fitted):
    split, models = fitted
    histories = split.test.histories
    allowed = np.arange(60) % 2 == 0
    items, scores = models[name].rank(histories, 40, exclude_seen=True, allowed=allowed)
    assert set(items[items >= 0] % 2) == {0}
    for row in range(len(histories)):
        assert not set(items[row]) & set(histories.slice(row, row + 1).item.tolist())
        assert (items[row] >= 0).sum() == len(set(range(0, 60, 2)) - set(histories.slice(row, row + 1).item.tolist()))
    assert (np.diff(np.where(np.isneginf(scores), -1e30, scores), axis=1) <= 0).all()


@pytest.mark.parametrize("name", ["transformer", "two_tower", "rnn"])
@pytest.mark.parametrize("exclude_seen", [True, False])
def test_ranking_by_factors_is_ranking_by_scores(name, exclude_seen, fitted, monkeypatch):
    split, models = fitted
    histories = split.test.histories
    histories = histories.keep(histories.row != 1)
    assert models[name].factors(histories) is not None
    options = {"exclude_seen": exclude_seen, "allowed": np.arange(60) % 3 > 0}
    _, values = models[name].rank(histories, 7, **options)
    monkeypatch.setattr(type(models[name]), "factors", lambda self, histories: None, raising=True)
    _, want = models[name].rank(histories, 7, **options)
    np.testing.assert_allclose(values, want, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", list(ARCHITECTURES))
@pytest.mark.parametrize(
    "rows",
    [[(1, 1, t) for t in range(5)], [(u, 1, u) for u in range(5)], [(1, t, t) for t in range(5)], [(1, 1, 1)]],
    ids=["one user, one item", "one item", "one user", "one event"],
)
def test_degenerate_shops_are_survived(name, rows):
    customer, item, time = np.array(rows).T
    interactions = Interactions.from_arrays(customer, item, np.ones(len(rows)), time, np.ones(len(rows)))
    model = small(name, epochs=1)
    model.fit(interactions, Context())
    assert np.isfinite(model.score(interactions.histories)).all()


@pytest.mark.parametrize("name", sorted(set(ARCHITECTURES) - {"popularity", "content"}))
def test_everybody_who_looks_at_the_history_beats_popularity(name, fitted):
    split, models = fitted
    popular = judge(models["popularity"], split.test, exclude_seen=True)["ndcg@10"]
    assert judge(models[name], split.test, exclude_seen=True)["ndcg@10"] > popular + 0.2


@pytest.mark.parametrize(
    "model",
    [Linear(LinearConfig(loss="logistic")), Linear(LinearConfig(loss="hinge")), MF(MFConfig(loss="bpr"))],
    ids=["logistic", "hinge", "bpr"],
)
def test_the_other_losses_learn_and_are_kept(model, ring, tmp_path):
    split = leave_last_out(ring)
    if isinstance(model, Linear):
        model.pairs.config = replace(model.pairs.config, events=512, learning_rate=1e-2, max_epochs=8)
    model.fit(split.train, Context(validation=split.validation))
    assert judge(model, split.test, exclude_seen=True)["ndcg@10"] > 0.3
    model.save(tmp_path / "model.npz")
    histories = split.test.histories
    np.testing.assert_allclose(load(tmp_path / "model.npz").score(histories), model.score(histories), atol=1e-4)


def test_content_follows_the_features(ring):
    split = leave_last_out(ring)
    angle = np.arange(60) / 60 * 2 * np.pi  # the ring itself, as two features
    model = create("content")
    features = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    model.fit(split.train, Context(validation=split.validation, features=features))
    assert judge(model, split.test, exclude_seen=True)["hr@10"] > 0.9


def test_the_flagship_learns_what_follows_what(fitted):
    split, models = fitted
    flagship = judge(models["transformer"], split.test, exclude_seen=True)
    popular = judge(models["popularity"], split.test, exclude_seen=True)
    assert flagship["hr@10"] > 0.9
    assert flagship["ndcg@10"] > popular["ndcg@10"] + 0.4


def test_the_flagship_learns_to_repeat(repeaters):
    split = leave_last_order_out(repeaters)
    model = Transformer(SMALL)
    model.fit(split.train, Context(validation=split.validation, baskets=True, exclude_seen=False, seconds=20))
    # Three of about four items of a basket are habits: ranked first they give most of the gain.
    assert judge(model, split.test, exclude_seen=False)["ndcg@10"] > 0.7


def test_equal_seeds_give_equal_models(ring):
    split = leave_last_out(ring)
    scores = []
    for seed in (1, 1, 2):
        model = Transformer(replace(SMALL, max_epochs=2))
        model.fit(split.train, Context(seed=seed))
        scores.append(model.score(split.test.histories))
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-4)
    assert np.abs(scores[0] - scores[2]).max() > 1e-2


def test_a_second_fit_repeats_the_chosen_number_of_epochs(ring):
    split = leave_last_out(ring)
    model = Transformer(replace(SMALL, max_epochs=4))
    chosen = model.fit(split.train, Context(validation=split.validation)).epochs
    assert model.fit(split.development, Context()).epochs == chosen


def test_a_fit_that_was_cut_short_goes_on_in_the_next(ring):
    split = leave_last_out(ring)
    model = Transformer(replace(SMALL, max_epochs=50))
    report = model.fit(split.train, Context(validation=split.validation, seconds=1e-9))
    assert report.epochs == 1
    begun = judge(model, split.test, exclude_seen=True)["ndcg@10"]
    before = model.network.items.weight.detach().clone()
    losses = model.fit(split.development, Context()).history
    assert losses[0]["loss"] < report.history[0]["loss"], "it began where the first had ended"
    assert not before.equal(model.network.items.weight)
    assert judge(model, split.test, exclude_seen=True)["ndcg@10"] > begun


def test_popularity_decays_with_age():
    old, new = [(u, 1, 0) for u in range(3)], [(u, 2, 1000) for u in range(2)]
    customer, item, time = np.array(old + new).T
    model = Popularity()
    model.fit(Interactions.from_arrays(customer, item, np.ones(5), time, np.ones(5)), Context())
    np.testing.assert_allclose(model.prior, [3 / 16, 2])


def test_event_types_weigh_as_told():
    interactions = Interactions.from_arrays([1, 1, 2], [1, 1, 2], [1, 1, 3], [0, 0, 0], np.ones(3))
    model = Popularity()
    model.fit(interactions, Context(type_weights={1: 0.1, 3: 1.0}))
    np.testing.assert_allclose(model.prior, [0.2, 1.0])


def test_unknown_names_and_damaged_artefacts_are_refused(fitted, tmp_path):
    with pytest.raises(ConfigError, match="item_knn"):
        create("oracle")
    with pytest.raises(ArtefactError, match="no such"):
        load(tmp_path / "none.npz")
    path = tmp_path / "model.npz"
    fitted[1]["item_knn"].save(path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ArtefactError, match="damaged"):
        load(path)
    np.savez(path, a=np.zeros(1))
    with pytest.raises(ArtefactError, match="not an artefact"):
        load(path)
    meta = json.dumps({"format": "apropos-model", "version": 99, "architecture": "item_knn"}).encode()
    np.savez(path, __meta__=np.frombuffer(meta, dtype=np.uint8))
    with pytest.raises(ArtefactError, match="format version 99, this one reads up to 2"):
        load(path)


@pytest.mark.parametrize("name", ["transformer", "content", "blend"])
def test_unknown_numbers_in_features_do_no_harm(name, ring):
    features = np.random.default_rng(1).normal(size=(60, 4)).astype(np.float32)
    features[::3, 1] = np.nan
    features[5] = np.inf
    model = small(name, epochs=1)
    model.fit(ring, Context(features=features))
    assert np.isfinite(model.score(ring.histories.slice(0, 20))).all()


def test_items_that_the_model_does_not_know_are_left_out_of_histories(fitted):
    _, models = fitted
    known = models["item_knn"].item_ids
    rows = [(1, int(known[3]), 0), (1, 999_999, 1), (2, 999_998, 0)]
    stranger = Interactions.from_arrays(
        *np.array(rows).T[:2], np.ones(3), np.array([time for *_, time in rows]), np.ones(3)
    ).with_items(known)
    for model in models.values():
        items, _ = model.rank(stranger.histories, 5, exclude_seen=True)
        assert ((items >= 0) & (items < 60)).all()
        np.testing.assert_array_equal(model.score(stranger.histories)[1], model.prior)
