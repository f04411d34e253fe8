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
