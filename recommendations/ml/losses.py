"""Losses over many items that hold no more than a block of the [queries, items] matrix at a time."""

from typing import Any

import torch
from torch import Tensor

BLOCK_ROWS = 512


class _LogSumExpLinear(torch.autograd.Function):
    """log sum_j exp(h_i . e_j + b_j), recomputing the products in the backward pass instead of keeping them."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, items: Tensor, bias: Tensor, low_precision: bool) -> Tensor:
        dtype = torch.bfloat16 if low_precision else hidden.dtype
        h, e = hidden.to(dtype), items.to(dtype)
        result = torch.cat([torch.logsumexp((block @ e.t()).float() + bias, dim=1) for block in h.split(BLOCK_ROWS)])
        ctx.save_for_backward(h, e, bias, result)
        ctx.dtypes = hidden.dtype, items.dtype
        return result

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        h, e, bias, result = ctx.saved_tensors
        grad_h = torch.empty_like(h)
        grad_e = torch.zeros(e.shape, dtype=torch.float32, device=e.device)
        grad_b = torch.zeros_like(bias)
        for start in range(0, len(h), BLOCK_ROWS):
            rows = slice(start, start + BLOCK_ROWS)
            share = torch.exp((h[rows] @ e.t()).float().add_(bias).sub_(result[rows, None])).mul_(grads[0][rows, None])
            grad_b += share.sum(dim=0)
            share = share.to(h.dtype)
            grad_h[rows] = share @ e
            grad_e += share.t() @ h[rows]
        return grad_h.to(ctx.dtypes[0]), grad_e.to(ctx.dtypes[1]), grad_b, None


def logsumexp_linear(hidden: Tensor, items: Tensor, bias: Tensor, *, low_precision: bool = False) -> Tensor:
    """Logarithm of the softmax denominator over `items`: float32 [m].

    hidden: [m, d]; items: [n, d]; bias: float32 [n]; low_precision multiplies in bfloat16 and sums in float32.
    """
    with torch.autocast(hidden.device.type, enabled=False):
        result: Tensor = _LogSumExpLinear.apply(hidden, items, bias, low_precision)
    return result
