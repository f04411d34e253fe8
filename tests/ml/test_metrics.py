"""Against formulas written out item by item, and a case worked by hand."""

import math

import numpy as np
import pytest

from recommendations.ml import metrics


def reference(name, ranked, targets):
    hits = [item in targets for item in ranked]
    if name == "hr":
        return float(sum(hits) > 0)
    if name == "recall":
        return len(set(ranked) & targets) / len(targets)
    if name == "precision":
        return len(set(ranked) & targets) / len(ranked)
    if name == "f1":
        p, r = (reference(other, ranked, targets) for other in ("precision", "recall"))
        return 2 * p * r / (p + r) if p + r else 0.0
    if name == "map":
        at_hits = [sum(hits[: rank + 1]) / (rank + 1) for rank, hit in enumerate(hits) if hit]
        return sum(at_hits) / min(len(targets), len(ranked))
    if name == "mrr":
        return next((1 / rank for rank, hit in enumerate(hits, start=1) if hit), 0.0)
    gain = sum(1 / math.log2(rank + 1) for rank, hit in enumerate(hits, start=1) if hit)
    return gain / sum(1 / math.log2(rank + 1) for rank in range(1, min(len(targets), len(ranked)) + 1))


@pytest.mark.parametrize("name", list(metrics.METRICS))
@pytest.mark.parametrize("k", [1, 3, 10])
def test_metrics_agree_with_the_definition(name, k):
    generator = np.random.default_rng(k)
    ranked = np.array([generator.permutation(20)[:k] for _ in range(50)])
    targets = [set(generator.choice(20, generator.integers(1, 6), replace=False).tolist()) for _ in range(50)]
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in targets])])
    flat = np.concatenate([list(row) for row in targets])
    hits = metrics.find_hits(ranked, offsets, flat)
    got = metrics.METRICS[name](hits, np.diff(offsets))
    want = [reference(name, row.tolist(), target) for row, target in zip(ranked, targets, strict=True)]
    np.testing.assert_allclose(got, want)


def test_a_case_by_hand():
    hits = metrics.find_hits(np.array([[7, 3, 5]]), np.array([0, 2]), np.array([3, 9]))
    assert hits.tolist() == [[False, True, False]]
    size = np.array([2])
    assert metrics.mrr(hits, size)[0] == 0.5
    assert metrics.recall(hits, size)[0] == 0.5
    assert metrics.ndcg(hits, size)[0] == pytest.approx((1 / math.log2(3)) / (1 + 1 / math.log2(3)))


def test_empty_places_never_hit():
    assert not metrics.find_hits(np.array([[-1, -1]]), np.array([0, 1]), np.array([0])).any()


def test_coverage_counts_distinct_items():
    assert metrics.coverage(np.array([[1, 2], [2, -1]]), 4) == 0.5


def reference_of_lists(items, vectors):
    """Pair by pair."""
    pairs = [
        1 - vectors[a] @ vectors[b] / np.linalg.norm(vectors[a]) / np.linalg.norm(vectors[b])
        for place, a in enumerate(items)
        for b in items[place + 1 :]
    ]
    return sum(pairs) / len(pairs) if pairs else 0.0


def test_diversity_is_the_mean_distance_of_the_pairs():
    generator = np.random.default_rng(3)
    vectors = generator.normal(size=(12, 5))
    items = np.array([generator.permutation(12)[:4] for _ in range(10)])
    want = [reference_of_lists(row, vectors) for row in items]
    np.testing.assert_allclose(metrics.diversity(items, vectors), want)
    short = np.array([[3, 5, -1, -1], [2, -1, -1, -1]])
    np.testing.assert_allclose(metrics.diversity(short, vectors), [reference_of_lists([3, 5], vectors), 0.0])


def test_novelty_is_the_mean_surprise():
    got = metrics.novelty(np.array([[0, 1], [2, -1]]), np.array([8, 2, 0]), 16)
    np.testing.assert_allclose(got, [(1 + 3) / 2, 4])


def test_log_loss_follows_its_definition():
    outcome, probability = np.array([True, False, True, False]), np.array([0.9, 0.2, 0.92, 1.0])
    want = -(math.log(0.9) + math.log(0.8) + math.log(0.92) + math.log(1e-7)) / 4
    assert metrics.log_loss(outcome, probability) == pytest.approx(want)
