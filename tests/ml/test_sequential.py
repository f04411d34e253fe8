import numpy as np
import torch

from recommendations.ml.architectures import sequential
from recommendations.ml.batches import Moments, TrainingBatches


def test_both_ways_of_finding_repetitions_agree(repeaters, monkeypatch):
    moments = Moments(repeaters.histories, n_items=repeaters.n_items, baskets=True)
    weight = np.ones(len(repeaters), dtype=np.float32)
    batch = next(TrainingBatches(moments, weight=weight, length=50, events=256).epoch(np.random.default_rng(1)))
    assert len(batch.target_item) > 2 * len(batch.query_row)
    logits = torch.randn(len(batch.query_row), batch.item.shape[1]).masked_fill(~batch.valid[batch.query_row], -1e9)
    found, gradients = [], []
    for cells in (sequential.TABLE_CELLS, 0):
        monkeypatch.setattr(sequential, "TABLE_CELLS", cells)
        behind = torch.log_softmax(logits, dim=1).requires_grad_()
        result = sequential.repeated(batch, behind, repeaters.n_items)
        known = result > -60
        gradients.append(torch.autograd.grad(result[known].sum(), behind)[0])
        found.append(result)
    known = found[0] > -60
    assert 0.3 < known.float().mean() < 1
    assert (found[1][~known] < -60).all()
    torch.testing.assert_close(found[0][known], found[1][known], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-4, atol=1e-4)
