"""What all next-step models share: windows of histories in, a distribution over the catalogue out."""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from recommendations.ml.architectures.neural import Neural
from recommendations.ml.batches import Batch, Moments, TrainingBatches, scoring_batches
from recommendations.ml.config import TrainerConfig
from recommendations.ml.context import Context
from recommendations.ml.devices import multiplies_bfloat16
from recommendations.ml.histories import Histories
from recommendations.ml.interactions import Interactions
from recommendations.ml.losses import logsumexp_linear, sample_items
from recommendations.ml.ragged import Int64
from recommendations.ml.weights import event_weights

TABLE_CELLS = 20_000_000  # probabilities by query and item held at once


@dataclass(frozen=True)
class SequentialConfig(TrainerConfig):
    """width: of every vector. length: moments of a history looked at. events: of a batch.

    The softmax runs over all items when there are at most `full_softmax`; else over those that the batch asks for and
    `negatives` others, weighed by what they stand for.
    """

    width: int = 64
    length: int = 64
    events: int = 2048
    full_softmax: int = 4096
    negatives: int = 2048


@dataclass(frozen=True)
class LightConfig(SequentialConfig):
    """For networks that cost little beside the softmax: many small steps against a sample of the catalogue."""

    events: int = 1024
    full_softmax: int = 4096
    negatives: int = 1024
    warm_up: float = 0.5


@dataclass(frozen=True)
class Encoded:
    """What a network makes of a batch's queries.

    hidden: [m, width], to be multiplied with the item vectors. behind: log-probabilities [m, l] that the events of the
    query's window come again, and repeat: logits [m] that anything does; None for networks that cannot repeat.
    """

    hidden: Tensor
    behind: Tensor | None = None
    repeat: Tensor | None = None


def at_queries(states: Tensor, batch: Batch) -> Tensor:
    """Of the states [b, s, …] after every moment, those that are predicted from: [m, …]."""
    return states.flatten(0, 1).index_select(0, batch.query_row * states.shape[1] + batch.query_column)


class SequenceNetwork(nn.Module):
    """A module with item vectors that encodes batches. repeats: whether it says how likely a repetition is."""

    repeats = False

    def __init__(self, n_items: int, width: int) -> None:
        super().__init__()
        self.items = nn.Embedding(n_items + 1, width, padding_idx=n_items)
        nn.init.normal_(self.items.weight, std=0.02)
        with torch.no_grad():
            self.items.weight[n_items] = 0.0

    def item_vectors(self) -> Tensor:
        """What the hidden state is multiplied with: [n_items, width]."""
        return self.items.weight[:-1]

    def shares(self) -> Tensor:
        """How much every item counts in the softmax denominator: [n_items]."""
        return self.items.weight.new_ones(len(self.items.weight) - 1)

    @abstractmethod
    def forward(self, batch: Batch) -> Encoded:
        """Encode the queries of a batch."""


def repeated(batch: Batch, behind: Tensor, n_items: int) -> Tensor:
    """Log-probability [t] of every target under the distributions `behind` [m, l] over the events of the windows.

    Baskets ask for many items of one query: then summing by item once is far cheaper than looking for every target
    among the events, as long as the sums [m, n_items] fit.
    """
    events = batch.item[batch.query_row]
    if len(batch.target_item) > 2 * len(events) and len(events) * n_items <= TABLE_CELLS:
        table = behind.new_zeros(len(events), n_items + 1).scatter_add(1, events, behind.exp())
        cell = batch.target_query * (n_items + 1) + batch.target_item
        return table.view(-1).index_select(0, cell).clamp(min=1e-30).log()
    same = events[batch.target_query] == batch.target_item[:, None]
    return torch.logsumexp(behind[batch.target_query].masked_fill(~same, -70.0), dim=1)


def window_batches(interactions: Interactions, context: Context, config: SequentialConfig) -> TrainingBatches:
    """Training windows as the configuration wants them."""
    return TrainingBatches(
        Moments(interactions.histories, n_items=interactions.n_items, baskets=context.baskets),
        weight=event_weights(interactions.type, context.type_weights),
        length=config.length,
        events=config.events,
    )


class Sequential(Neural):
    """Trains a SequenceNetwork on what happens next, as a set, with softmax over many items.

    A score is h E', or with repetitions the logarithm of (1 - g) softmax(h E') + g c: h [width] the state at the end
    of the history, E [n_items, width] the item vectors, c the distribution over the history, g the probability of a
    repetition.
    """

    logarithmic = True
    can_be_private = True
    config: SequentialConfig
    network: SequenceNetwork

    def _batches(self, interactions: Interactions, context: Context) -> TrainingBatches:
        return window_batches(interactions, context, self.config)

    def _encode(self, batch: Batch) -> Encoded:
        low = multiplies_bfloat16(self.device)
        with torch.autocast(self.device.split(":")[0], dtype=torch.bfloat16, enabled=low):
            encoded: Encoded = self.network(batch)
        return encoded

    def _loss(self, batch: Batch) -> Tensor:
        batch = batch.to(self.device)
        encoded, items = self._encode(batch), self.network.item_vectors()
        hidden, low = encoded.hidden.float(), multiplies_bfloat16(self.device)
        if len(items) <= self.config.full_softmax:
            total = logsumexp_linear(hidden, items, self.network.shares(), low_precision=low)
        else:
            chosen, weight = sample_items(batch.target_item, len(items), self.config.negatives)
            weight = weight * self.network.shares()[chosen]
            total = logsumexp_linear(hidden, F.embedding(chosen, items), weight, low_precision=low)
        logit = (hidden.index_select(0, batch.target_query) * F.embedding(batch.target_item, items)).sum(dim=1)
        likelihood = logit - total[batch.target_query]
        if encoded.behind is not None and encoded.repeat is not None:
            repeat = encoded.repeat.float()[batch.target_query]
            likelihood = torch.logaddexp(
                likelihood + F.logsigmoid(-repeat), repeated(batch, encoded.behind, len(items)) + F.logsigmoid(repeat)
            )
        return -(likelihood * batch.target_weight).sum() / batch.target_weight.sum().clamp(min=1e-9)

    @torch.no_grad()
    def _encoded(self, histories: Histories) -> Iterator[tuple[Int64, Batch, Encoded]]:
        """Some rows after the other, with their state at the end of the history."""
        self.network.eval()
        moments = Moments(histories, n_items=len(self.item_ids), baskets=self.traits.baskets)
        for rows, batch in scoring_batches(moments, length=self.config.length, events=4 * self.config.events):
            on_device = batch.to(self.device)
            yield rows, on_device, self._encode(on_device)

    @torch.no_grad()
    def factors(self, histories: Histories) -> tuple[Tensor, Tensor] | None:
        """h and E, where nothing is repeated."""
        if self.network.repeats:
            return None
        items = self.network.item_vectors().detach()
        customers = items.new_zeros(len(histories), items.shape[1])
        for rows, _, encoded in self._encoded(histories):
            customers[torch.from_numpy(rows).to(items.device)] = encoded.hidden.float()
        return customers, items

    @torch.no_grad()
    def _score(self, histories: Histories) -> NDArray[np.float32]:
        n_items = len(self.item_ids)
        scores = np.zeros((len(histories), n_items), dtype=np.float32)
        items = self.network.item_vectors().t()
        for rows, batch, encoded in self._encoded(histories):
            logits = encoded.hidden.float() @ items
            if encoded.behind is None or encoded.repeat is None:
                result = logits
            else:
                gate = torch.sigmoid(encoded.repeat.float())[:, None]
                mixed = torch.softmax(logits, dim=1) * (1.0 - gate)
                behind = encoded.behind.exp() * batch.valid
                mixed.scatter_add_(1, batch.item.clamp(max=n_items - 1), behind * gate)
                result = mixed.clamp_(min=1e-30).log_()
            scores[rows] = result.cpu().numpy()
        return scores
