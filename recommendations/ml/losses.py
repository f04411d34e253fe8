"""The softmax denominator over many items, with as few passes over the [queries, items] matrix as can be."""

from typing import Any

import torch
from torch import Tensor

SAFE = 60.0  # exp and sums of it stay far from the limits of float32 and bfloat16 below this


_spare: list[Tensor] = []  # a fresh hundred megabytes a step would cost more in page faults than the product in it


def _take(rows: int, columns: int, like: Tensor) -> Tensor:
    """An uninitialised matrix, in spare memory where there is some of that kind."""
    for index, buffer in enumerate(_spare):
        if buffer.dtype == like.dtype and buffer.device == like.device and buffer.numel() >= rows * columns:
            return _spare.pop(index)[: rows * columns].view(rows, columns)
    return like.new_empty(rows * columns).view(rows, columns)


def _give_back(matrix: Tensor) -> None:
    """Keep the memory of a matrix that nobody will read again."""
    _spare[:] = [matrix.view(-1)]


class _LogSumExpLinear(torch.autograd.Function):
    """log sum_j w_j exp(h_i . e_j).

    P = exp(H E') is kept in low precision; the row factors g_i / Z_i of the gradient go into H instead of into P, so
    that the backward pass is two matrix products: dH = (g / Z) * (P (w * E)), dE = w * (P' ((g / Z) * H)).
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, items: Tensor, weight: Tensor, low_precision: bool) -> Tensor:
        dtype = torch.bfloat16 if low_precision else hidden.dtype
        h, e = hidden.to(dtype), items.to(dtype)
        # Copying E' costs less than multiplying by a transposed view.
        shares = torch.mm(h, e.t().contiguous(), out=_take(len(h), len(e), h))
        # Cauchy-Schwarz says when exp cannot overflow; only then the search for the largest logit can be spared.
        bound = hidden.norm(dim=1).max() * items.norm(dim=1).max() if hidden.numel() and items.numel() else 0.0
        peak = shares.amax(dim=1, keepdim=True) if bound > SAFE else None
        if peak is not None:
            shares -= peak
        shares.exp_()
        total = (shares @ weight.to(dtype)[:, None])[:, 0].float() if low_precision else shares @ weight
        ctx.save_for_backward(h, e, weight, shares, total)
        ctx.dtypes = hidden.dtype, items.dtype
        result = total.log()
        return result if peak is None else result + peak[:, 0]

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None]:
        h, e, weight, shares, total = ctx.saved_tensors
        factor = (grads[0] / total)[:, None]
        grad_h = (shares @ (e * weight[:, None]).to(e.dtype)) * factor
        grad_e = ((h * factor).to(h.dtype).t() @ shares).t() * weight[:, None]
        _give_back(shares)
        return grad_h.to(ctx.dtypes[0]), grad_e.to(ctx.dtypes[1]), None, None


def logsumexp_linear(hidden: Tensor, items: Tensor, weight: Tensor, *, low_precision: bool = False) -> Tensor:
    """Logarithm of the weighted softmax denominator over `items`: [m].

    hidden: [m, d]; items: [n, d]; weight: [n], how many items each stands for; low_precision: multiply in bfloat16.
    """
    with torch.autocast(hidden.device.type, enabled=False):
        result: Tensor = _LogSumExpLinear.apply(hidden, items, weight, low_precision)
    return result


def sample_items(targets: Tensor, n_items: int, negatives: int) -> tuple[Tensor, Tensor]:
    """Items whose weighted sum stands for the sum over the catalogue: numbers int64 [s] and weights float32 [s].

    All of `targets` stand for themselves; `negatives` draws from the rest stand for rest / draws items each, which is
    the logQ correction of Bengio and Senecal (2008) over two strata: unbiased, and no target is ever counted twice.
    """
    own = torch.unique(targets)
    rest = n_items - len(own)
    if rest <= negatives:
        return torch.arange(n_items, device=targets.device), torch.ones(n_items, device=targets.device)
    absent = torch.ones(n_items, dtype=torch.bool, device=targets.device)
    absent[own] = False
    others = absent.nonzero()[:, 0]
    drawn = others[torch.randint(rest, (negatives,), device=targets.device)]
    weight = torch.ones(len(own) + negatives, device=targets.device)
    weight[len(own) :] = rest / negatives
    return torch.cat([own, drawn]), weight
