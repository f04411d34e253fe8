import numpy as np

from recommendations.ml.architectures.item_knn import ItemKNN, ItemKNNConfig
from recommendations.ml.context import Context
from recommendations.ml.interactions import Interactions
from recommendations.ml.judging import judge
from recommendations.ml.splits import leave_last_out


def test_similarities_agree_with_the_dense_formula():
    generator = np.random.default_rng(1)
    customer, item = generator.integers(0, 12, 80), generator.integers(0, 9, 80)
    ones = np.ones(80)
    interactions = Interactions.from_arrays(customer, item, ones, np.arange(80), ones)
    counts = np.zeros((interactions.n_customers, interactions.n_items))
    np.add.at(counts, (interactions.customer, interactions.item), 1)
    idf = np.log(counts.shape[1] / (counts > 0).sum(axis=1, keepdims=True)).clip(min=1e-3)
    weighted = np.sqrt(counts) * idf
    cosine = weighted.T @ weighted / np.outer(*2 * [np.linalg.norm(weighted, axis=0)])
    model = ItemKNN(ItemKNNConfig(neighbours=100, recency=(0.5,)))
    model.fit(interactions, Context())
    for row in range(interactions.n_customers):
        own = interactions.item[interactions.customer == row]
        want = (0.5 ** np.arange(len(own))[::-1]) @ cosine[own]
        np.testing.assert_allclose(model.score(interactions.histories.slice(row, row + 1))[0], want, atol=1e-4)


def test_beauty_reaches_the_known_quality(shared_data):
    split = leave_last_out(Interactions.from_sequences(shared_data / "beauty" / "Beauty.txt"))
    model = ItemKNN()
    model.fit(split.development, Context())
    assert judge(model, split.test, exclude_seen=True)["ndcg@10"] >= 0.037
