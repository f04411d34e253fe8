import numpy as np
import torch

from recommendations.ml.topk import top_k


def test_the_best_come_first():
    scores = torch.from_numpy(np.random.default_rng(1).normal(size=(7, 100)).astype(np.float32))
    items, values = top_k(scores, 5)
    np.testing.assert_array_equal(items, np.argsort(-scores.numpy(), axis=1)[:, :5])
    np.testing.assert_array_equal(values, np.take_along_axis(scores.numpy(), items, axis=1))


def test_forbidden_and_missing_places_are_marked():
    items, values = top_k(torch.tensor([[1.0, -torch.inf, 3.0]]), 4)
    assert items.tolist() == [[2, 0, -1, -1]]
    assert values[0, 2:].tolist() == [-np.inf, -np.inf]
