"""Building blocks of the sequence models."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recommendations.ml.batches import Batch

LAG_BUCKETS = 32
GAP_BUCKETS = 40


def lag_bucket(lag: Tensor) -> Tensor:
    """Steps between two events as one of LAG_BUCKETS: exact below 16, then by powers of the square root of two."""
    lag = lag.clamp(min=0, max=1 << 20)
    far = 16 + (2.0 * torch.log2(lag.clamp(min=16).float() / 16.0)).long()
    return torch.where(lag < 16, lag, far).clamp(max=LAG_BUCKETS - 1)


def gap_bucket(seconds: Tensor) -> Tensor:
    """Time between two events as one of GAP_BUCKETS: powers of the square root of two from an hour; 0 = none."""
    hours = seconds.clamp(min=0).float() / 3600.0
    return torch.where(seconds <= 0, 0, (2.0 * torch.log2(1.0 + hours)).long() + 1).clamp(max=GAP_BUCKETS - 1)


def pool(events: Tensor, batch: Batch) -> Tensor:
    """Vectors of moments [b, s, width]: the sum over their events [b, l, width], scaled back by sqrt(events)."""
    b, s = batch.time.shape
    slot = (torch.arange(b, device=events.device)[:, None] * s + batch.moment)[batch.valid]
    total = events.new_zeros(b * s, events.shape[-1]).index_add_(0, slot, events[batch.valid])
    count = torch.bincount(slot, minlength=b * s).clamp(min=1)
    return (total / count[:, None] ** 0.5).view(b, s, -1)


@dataclass(frozen=True)
class Distances:
    """How far moments lie apart: lag, buckets [s, s]; gap, buckets [b, s, s], None where the data knows no clock;
    mask, float [s, s]: 0 = may be looked at, else very low."""

    lag: Tensor
    gap: Tensor | None
    mask: Tensor

    @classmethod
    def of(cls, time: Tensor, *, clock: bool) -> Self:
        """From the times [b, s] of moments."""
        step = torch.arange(time.shape[1], device=time.device)
        behind = step[:, None] - step
        gap = gap_bucket(time[:, :, None] - time[:, None, :]) if clock else None
        return cls(lag_bucket(behind), gap, torch.where(behind >= 0, 0.0, -1e9))


class RelativeBias(nn.Module):
    """What an event's distance alone, in steps and in time, says about its weight, per head (Zhai et al., 2024)."""

    def __init__(self, heads: int, *, clock: bool) -> None:
        super().__init__()
        self.lag = nn.Parameter(torch.zeros(LAG_BUCKETS, heads))
        self.gap = nn.Parameter(torch.zeros(GAP_BUCKETS, heads)) if clock else None

    def forward(self, distances: Distances) -> Tensor:
        """Bias, mask included: [b or 1, heads, s, s]."""
        bias = F.embedding(distances.lag, self.lag).permute(2, 0, 1)[None] + distances.mask
        if self.gap is None or distances.gap is None:
            return bias
        return bias + F.embedding(distances.gap, self.gap).permute(0, 3, 1, 2)


class GatedBlock(nn.Module):
    """Pre-norm attention and feed-forward, each gated by its input.

    The gates follow HSTU (Zhai et al., 2024) and LiGR (Borisyuk et al., 2025); the feed-forward is SwiGLU
    (Shazeer, 2020); the norm is RMSNorm (Zhang and Sennrich, 2019).
    """

    def __init__(self, width: int, heads: int, hidden: int, dropout: float, *, clock: bool) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.norm_attention, self.norm_feed = nn.RMSNorm(width), nn.RMSNorm(width)
        self.project = nn.Linear(width, 4 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.bias = RelativeBias(heads, clock=clock)
        self.feed_in = nn.Linear(width, 2 * hidden, bias=False)
        self.feed_out = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor, distances: Distances) -> Tensor:
        """x: [b, s, width]."""
        b, length, width = x.shape
        query, key, value, gate = self.project(self.norm_attention(x)).chunk(4, dim=-1)
        query, key, value = (part.view(b, length, self.heads, -1).transpose(1, 2) for part in (query, key, value))
        bias = self.bias(distances).to(query.dtype)
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        mixed = mixed.transpose(1, 2).reshape(b, length, width) * F.silu(gate)
        x = x + F.dropout(self.out(mixed), self.dropout, self.training)
        gate, value = self.feed_in(self.norm_feed(x)).chunk(2, dim=-1)
        return x + F.dropout(self.feed_out(F.silu(gate) * value), self.dropout, self.training)


class CopyHead(nn.Module):
    """Repeat consumption: a distribution over the events behind, to be mixed with that over the catalogue.

    Pointer networks (Vinyals et al., 2015) and RepeatNet (Ren et al., 2019) in one head: attention whose weights are
    the probabilities that the event's item comes again, and a gate, the probability that anything does.
    """

    def __init__(self, width: int, *, clock: bool) -> None:
        super().__init__()
        self.query, self.key = nn.Linear(width, width, bias=False), nn.Linear(width, width, bias=False)
        self.bias = RelativeBias(1, clock=clock)
        self.gate = nn.Linear(width, 1)
        nn.init.zeros_(self.gate.weight)
        nn.init.constant_(self.gate.bias, -2.0)

    def forward(self, states: Tensor, events: Tensor, distances: Distances, moment: Tensor) -> Tensor:
        """Log-probabilities [b, s, l] over the events that each moment may look at.

        states: [b, s, width]; events: [b, l, width]; moment: int64 [b, l], of every event.
        """
        scores = self.query(states) @ self.key(events).transpose(1, 2) / states.shape[-1] ** 0.5
        bias = self.bias(distances)[:, 0].expand(len(states), -1, -1)
        column = moment[:, None, :].expand(-1, states.shape[1], -1)
        return torch.log_softmax(scores.float() + bias.gather(2, column), dim=-1)
