import numpy as np
import pytest
import torch

from recommendations.ml.topk import top_k


@pytest.mark.parametrize(("n", "k"), [(100, 5), (5000, 10), (20_011, 100), (5000, 4999), (3, 10)])
def test_the_best_come_first(n, k):
    scores = torch.from_numpy(np.random.default_rng(n).normal(size=(7, n)).astype(np.float32))
    items, values = top_k(scores, k)
    want = -np.sort(-scores.numpy(), axis=1)[:, :k]
    count = min(n, k)
    np.testing.assert_array_equal(values[:, :count], want)
    np.testing.assert_array_equal(np.take_along_axis(scores.numpy(), items[:, :count], axis=1), want)
    assert (items[:, count:] == -1).all()


@pytest.mark.parametrize("levels", [1, 2, 5, 50])
def test_ties_are_exact_in_value_and_never_double(levels):
    scores = torch.from_numpy(np.random.default_rng(levels).integers(0, levels, (20, 9000)).astype(np.float32))
    items, values = top_k(scores, 50)
    np.testing.assert_array_equal(values, -np.sort(-scores.numpy(), axis=1)[:, :50])
    np.testing.assert_array_equal(np.take_along_axis(scores.numpy(), items, axis=1), values)
    assert all(len(set(row)) == 50 for row in items.tolist())


def test_the_best_may_all_stand_in_one_group_or_at_the_end():
    scores = torch.zeros(2, 10_007)
    scores[0, ::1000] = torch.arange(11) + 1.0
    scores[1, -7:] = torch.arange(7) + 1.0
    items, _ = top_k(scores, 7)
    assert items[0].tolist() == [10_000 - 1000 * i for i in range(7)]
    assert items[1].tolist() == [10_006 - i for i in range(7)]


@pytest.mark.parametrize("n", [4, 6000])
def test_forbidden_and_missing_places_are_marked(n):
    scores = torch.full((1, n), -torch.inf)
    scores[0, [0, 2]] = torch.tensor([1.0, 3.0])
    items, values = top_k(scores, 4)
    assert items.tolist() == [[2, 0, -1, -1]]
    assert values[0, 2:].tolist() == [-np.inf, -np.inf]
