"""The flagship: a gated transformer over what a customer did, with softmax over the catalogue and a copy head."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from recommendations.ml.architectures.base import Architecture, Config
from recommendations.ml.artefacts import Arrays
from recommendations.ml.batches import Batch, Moments, TrainingBatches, scoring_batches
from recommendations.ml.context import Context, FitReport
from recommendations.ml.histories import Histories
from recommendations.ml.interactions import Interactions
from recommendations.ml.judging import validation_ndcg
from recommendations.ml.layers import CopyHead, GatedBlock, gap_bucket, lag_bucket
from recommendations.ml.losses import logsumexp_linear
from recommendations.ml.trainer import TrainerConfig, train
from recommendations.ml.weights import event_weights

TYPES = 128


@dataclass(frozen=True)
class TransformerConfig(Config):
    """width: of every vector. length: moments of a history looked at. events: of a batch. negatives: items sampled a
    batch when the catalogue holds more than `full_softmax`. embedding_dropout: of the input; dropout: within blocks.
    """

    width: int = 64
    layers: int = 2
    heads: int = 2
    hidden: int = 128
    dropout: float = 0.2
    embedding_dropout: float = 0.2
    length: int = 64
    events: int = 4096
    full_softmax: int = 30_000
    negatives: int = 4096
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    average: float = 2.0
    patience: int = 6
    max_epochs: int = 200


class Network(nn.Module):
    """Item vectors, gated blocks, copy head. Hidden states are [b, l, width]."""

    def __init__(self, n_items: int, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.items = nn.Embedding(n_items + 1, config.width, padding_idx=n_items)
        self.types = nn.Embedding(TYPES, config.width)
        self.blocks = nn.ModuleList(
            GatedBlock(config.width, config.heads, config.hidden, config.dropout) for _ in range(config.layers)
        )
        self.norm = nn.RMSNorm(config.width)
        self.copy = CopyHead(config.width)
        nn.init.normal_(self.items.weight, std=0.02)
        nn.init.zeros_(self.types.weight)
        with torch.no_grad():
            self.items.weight[n_items] = 0.0

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """States after every moment [b, s, width] and the copy head's log-probabilities [b, s, l]."""
        step = torch.arange(batch.time.shape[1], device=batch.time.device)
        lag = lag_bucket(step[:, None] - step).expand(len(batch.time), -1, -1)
        gap = gap_bucket(batch.time[:, :, None] - batch.time[:, None, :])
        mask = torch.where(step[:, None] >= step, 0.0, -1e9).expand(len(batch.time), -1, -1)
        events = self.items(batch.item) * self.config.width**0.5 + self.types(batch.type)
        x = F.dropout(pool(events, batch), self.config.embedding_dropout, self.training)
        for block in self.blocks:
            x = block(x, lag, gap, mask)
        x = self.norm(x)
        own = x.gather(1, batch.moment[:, :, None].expand(-1, -1, x.shape[-1]))
        behind = self.copy(x, events + own, self.copy.bias(lag, gap)[:, 0] + mask, batch.moment)
        return x, behind.masked_fill(~batch.valid[:, None], -1e9)


def pool(events: Tensor, batch: Batch) -> Tensor:
    """Vectors of moments [b, s, width]: the sum over their events [b, l, width], scaled back by sqrt(events)."""
    b, s = batch.time.shape
    slot = (torch.arange(b, device=events.device)[:, None] * s + batch.moment)[batch.valid]
    total = events.new_zeros(b * s, events.shape[-1]).index_add_(0, slot, events[batch.valid])
    count = torch.bincount(slot, minlength=b * s).clamp(min=1)
    return (total / count[:, None] ** 0.5).view(b, s, -1)


class Transformer(Architecture):
    """Next-step prediction with causal attention (SASRec, Kang and McAuley, 2018; HSTU, Zhai et al., 2024).

    A score is the logarithm of (1 - g) softmax(h E') + g copy, where h [width] is the state after the last event,
    E [n_items, width] the item vectors, copy the copy head's distribution over the history, g its gate.
    """

    name = "transformer"
    config_class = TransformerConfig
    config: TransformerConfig

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self.epochs: int | None = None
        self.device, self.baskets = "cpu", False

    def _fit(self, interactions: Interactions, context: Context) -> FitReport:
        torch.manual_seed(context.seed)
        self.baskets, self.device = context.baskets, context.device
        self.network = Network(interactions.n_items, self.config).to(self.device)
        data = TrainingBatches(
            Moments(interactions.histories, n_items=interactions.n_items, baskets=context.baskets),
            weight=event_weights(interactions.type, context.type_weights),
            length=self.config.length,
            events=self.config.events,
        )
        choosing = context.validation is not None
        report = train(
            self.network,
            batches=data.epoch,
            steps_per_epoch=len(data),
            loss=self._loss,
            validate=(lambda: validation_ndcg(self, context)) if choosing else None,
            config=self._trainer_config(),
            context=context,
            epochs=None if choosing else self.epochs,
        )
        if choosing:
            self.epochs = report.epochs
        return report

    def _trainer_config(self) -> TrainerConfig:
        config = self.config
        return TrainerConfig(
            learning_rate=config.learning_rate,
            weight_decay=config.weight_decay,
            average=config.average,
            patience=config.patience,
            max_epochs=config.max_epochs,
        )

    def _loss(self, batch: Batch) -> Tensor:
        batch = batch.to(self.device)
        with torch.autocast(self.device.split(":")[0], dtype=torch.bfloat16):
            states, copy = self.network(batch)
        hidden = states[batch.query_row, batch.query_column].float()
        items = self.network.items.weight[:-1]
        total = logsumexp_linear(hidden, items, items.new_zeros(len(items)), low_precision=True)
        logit = (hidden[batch.target_query] * items[batch.target_item]).sum(dim=1)
        generated = logit - total[batch.target_query]
        row = batch.query_row[batch.target_query]
        behind = copy[row, batch.query_column[batch.target_query]]
        same = batch.item[row] == batch.target_item[:, None]
        copied = torch.logsumexp(behind.masked_fill(~same, -1e9), dim=1)
        gate = self.network.copy.gate(hidden)[batch.target_query, 0]
        likelihood = torch.logaddexp(generated + F.logsigmoid(-gate), copied + F.logsigmoid(gate))
        return -(likelihood * batch.target_weight).sum() / batch.target_weight.sum()

    @torch.no_grad()
    def _score(self, histories: Histories) -> NDArray[np.float32]:
        self.network.eval()
        n_items = len(self.item_ids)
        scores = np.zeros((len(histories), n_items), dtype=np.float32)
        items = self.network.items.weight[:-1]
        moments = Moments(histories, n_items=n_items, baskets=self.baskets)
        for rows, on_cpu in scoring_batches(moments, length=self.config.length, events=4 * self.config.events):
            batch = on_cpu.to(self.device)
            with torch.autocast(self.device.split(":")[0], dtype=torch.bfloat16):
                states, copy = self.network(batch)
            hidden = states[batch.query_row, batch.query_column].float()
            gate = torch.sigmoid(self.network.copy.gate(hidden))
            mixed = torch.softmax(hidden @ items.t(), dim=1) * (1.0 - gate)
            behind = copy[batch.query_row, batch.query_column].exp() * batch.valid
            index = batch.item.clamp(max=n_items - 1)
            mixed.scatter_add_(1, index, behind * gate)
            scores[rows] = mixed.clamp_(min=1e-30).log_().cpu().numpy()
        return scores

    def _arrays(self) -> Arrays:
        weights = {f"network.{name}": value.cpu().numpy() for name, value in self.network.state_dict().items()}
        return {"baskets": np.array(self.baskets), **weights}

    def _load_arrays(self, arrays: Arrays) -> None:
        self.baskets = bool(arrays.pop("baskets"))
        self.network = Network(len(self.item_ids), self.config)
        weights = {name.removeprefix("network."): torch.from_numpy(value) for name, value in arrays.items()}
        self.network.load_state_dict(weights)
