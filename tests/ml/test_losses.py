import torch

from recommendations.ml.losses import BLOCK_ROWS, logsumexp_linear


def inputs():
    torch.manual_seed(1)
    rows = BLOCK_ROWS + 7
    return [torch.randn(shape, dtype=torch.float64).requires_grad_() for shape in ((rows, 5), (11, 5), (11,))]


def test_value_and_gradients_agree_with_autograd():
    hidden, items, bias = inputs()
    weight = torch.randn(len(hidden), dtype=torch.float64)
    got = logsumexp_linear(hidden, items, bias)
    got_grads = torch.autograd.grad((got * weight).sum(), (hidden, items, bias))
    want = torch.logsumexp(hidden @ items.t() + bias, dim=1)
    want_grads = torch.autograd.grad((want * weight).sum(), (hidden, items, bias))
    torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-5, check_dtype=False)
    for one, other in zip(got_grads, want_grads, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4, check_dtype=False)


def test_low_precision_is_close():
    hidden, items, bias = (tensor.detach().float() for tensor in inputs())
    exact = logsumexp_linear(hidden, items, bias)
    assert (logsumexp_linear(hidden, items, bias, low_precision=True) - exact).abs().max() < 0.1
