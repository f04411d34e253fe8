import numpy as np
import pytest

from recommendations.ml.histories import Histories
from recommendations.ml.mixing import learn_weights
from recommendations.ml.splits import HeldOut


def held_out(targets):
    n = len(targets)
    nothing = Histories(np.zeros(n + 1, dtype=np.int64), *(np.zeros(0, dtype=t) for t in ("i4", "i1", "i8", "f4")))
    return HeldOut(
        np.arange(n, dtype=np.int32),
        nothing,
        np.arange(n + 1),
        np.array(targets, dtype=np.int32),
        np.ones(n),
        np.zeros(n),
    )


def test_noise_is_weighed_down_and_what_helps_is_kept():
    generator = np.random.default_rng(1)
    targets = generator.integers(0, 40, 300)
    items = np.tile(np.arange(40), (300, 1))
    signal = generator.normal(size=(300, 40)) + 2.0 * (items == targets[:, None])
    other = generator.normal(size=(300, 40)) + 1.0 * (items == targets[:, None])
    noise = 3 * generator.normal(size=(300, 40))
    features = np.stack([signal, other, noise], axis=2).astype(np.float32)
    weights, figure = learn_weights(features, items, held_out(targets), np.ones(3))
    alone = learn_weights(features[:, :, :1], items, held_out(targets), np.ones(1))[1]
    assert figure > alone
    assert weights[1] > 0
    assert weights[2] < 0.1 * weights[0]


def test_missing_candidates_never_rank():
    features = np.array([[[5.0], [1.0]]], dtype=np.float32)
    _, figure = learn_weights(features, np.array([[-1, 3]]), held_out([3]), np.ones(1))
    assert figure == pytest.approx(1.0)
