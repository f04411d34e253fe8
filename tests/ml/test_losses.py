import pytest
import torch

from recommendations.ml.losses import logsumexp_linear, sample_items


def inputs(scale=1.0):
    torch.manual_seed(1)
    hidden, items = (scale * torch.randn(shape, dtype=torch.float64) for shape in ((40, 5), (11, 5)))
    return hidden.requires_grad_(), items.requires_grad_(), torch.rand(11, dtype=torch.float64) + 0.5


@pytest.mark.parametrize("scale", [1.0, 20.0], ids=["safe", "logits in the thousands"])
def test_value_and_gradients_agree_with_autograd(scale):
    hidden, items, weight = inputs(scale)
    factor = torch.randn(len(hidden), dtype=torch.float64)
    got = logsumexp_linear(hidden, items, weight)
    want = torch.logsumexp(hidden @ items.t() + weight.log(), dim=1)
    torch.testing.assert_close(got, want)
    grads = [torch.autograd.grad((value * factor).sum(), (hidden, items)) for value in (got, want)]
    torch.testing.assert_close(grads[0], grads[1])


def test_low_precision_is_close():
    hidden, items, weight = (tensor.detach().float() for tensor in inputs())
    exact = logsumexp_linear(hidden, items, weight)
    assert (logsumexp_linear(hidden, items, weight, low_precision=True) - exact).abs().max() < 0.1


def test_a_sample_holds_every_target_once_and_stands_for_all():
    torch.manual_seed(1)
    targets = torch.tensor([3, 3, 7])
    values = torch.rand(50)
    sums = []
    for _ in range(2000):
        chosen, weight = sample_items(targets, 50, 10)
        assert weight.sum().item() == pytest.approx(50, rel=1e-5)
        assert (chosen == 3).sum() == (chosen == 7).sum() == 1
        sums.append((values[chosen] * weight).sum())
    assert torch.stack(sums).mean().item() == pytest.approx(values.sum().item(), rel=0.01)


def test_a_small_catalogue_is_taken_whole():
    chosen, weight = sample_items(torch.tensor([1]), 5, 10)
    assert chosen.tolist() == [0, 1, 2, 3, 4]
    assert weight.tolist() == [1.0] * 5
