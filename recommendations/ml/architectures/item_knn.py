"""Item-kNN: what is bought by the same customers as what this customer had."""

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from recommendations.ml.architectures.base import Architecture
from recommendations.ml.architectures.neighbours import Neighbours
from recommendations.ml.artefacts import Arrays
from recommendations.ml.config import Config
from recommendations.ml.context import Context, FitReport
from recommendations.ml.histories import Histories, steps_back
from recommendations.ml.interactions import Interactions
from recommendations.ml.judging import validation_ndcg
from recommendations.ml.ragged import offsets_of
from recommendations.ml.weights import event_weights

BLOCK_COLUMNS = 512


@dataclass(frozen=True)
class ItemKNNConfig(Config):
    """neighbours: similar items kept per item, itself included.

    recency: weight of what happened a moment earlier relative to a moment later; tried on the validation data.
    """

    neighbours: int = 200
    recency: tuple[float, ...] = (0.6, 1.0, 0.9, 0.75)


class ItemKNN(Architecture):
    """TF-IDF weighted cosine between the customers of items (Sarwar et al., 2001; Salton and Buckley, 1988).

    Customers play the documents' words: those who buy everything say little, so an entry is
    sqrt(count) x log(n_items / distinct items of the customer). similarity: sparse [n_items, n_items], the
    best `neighbours` of a row. A score is the sum of similarities to the history, newer events weighing more.
    """

    name = "item_knn"
    config_class = ItemKNNConfig
    config: ItemKNNConfig

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self.recency = self.config.recency[0]
        self.baskets = False

    def _fit(self, interactions: Interactions, context: Context) -> FitReport:
        self.baskets = context.baskets
        self._find_neighbours(weighted_cosine(interactions, context))
        if context.validation is not None:
            self.recency = max(self.config.recency, key=lambda recency: self._judged(recency, context))
        return FitReport()

    def _judged(self, recency: float, context: Context) -> float:
        self.recency = recency
        return validation_ndcg(self, context)

    def _find_neighbours(self, matrix: torch.Tensor) -> None:
        n_customers, n_items = matrix.shape
        rows, columns, values = [], [], []
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta state")
            transposed = matrix.t().to_sparse_csr()
        by_item = matrix.t().coalesce()
        owner = by_item.indices()[0].numpy()
        for start in range(0, n_items, BLOCK_COLUMNS):
            stop = min(start + BLOCK_COLUMNS, n_items)
            low, high = np.searchsorted(owner, [start, stop])
            block = torch.zeros(n_customers, stop - start)
            block[by_item.indices()[1, low:high], by_item.indices()[0, low:high] - start] = by_item.values()[low:high]
            best = torch.topk((transposed @ block).t(), min(self.config.neighbours, n_items), dim=1)
            kept = best.values > 0
            rows.append(kept.sum(dim=1).numpy())
            columns.append(best.indices[kept].numpy())
            values.append(best.values[kept].numpy())
        nothing = np.zeros(0, dtype=np.int64)
        self.neighbours = Neighbours(
            offsets_of(np.concatenate([nothing, *rows])),
            np.concatenate([nothing, *columns]).astype(np.int32),
            np.concatenate([nothing, *values]).astype(np.float32),
        )

    def _score(self, histories: Histories) -> NDArray[np.float32]:
        weight = self.recency ** steps_back(histories, baskets=self.baskets)
        return self.neighbours.score(histories, weight)

    def _arrays(self) -> Arrays:
        chosen = {"recency": np.array(self.recency), "baskets": np.array(self.baskets)}
        return {**self.neighbours.arrays(), **chosen}

    def _load_arrays(self, arrays: Arrays) -> None:
        self.neighbours = Neighbours.from_arrays(arrays)
        self.recency, self.baskets = float(arrays["recency"]), bool(arrays["baskets"])


def weighted_cosine(interactions: Interactions, context: Context) -> torch.Tensor:
    """Sparse customers x items matrix of TF-IDF weights whose columns have length 1."""
    n_customers, n_items = interactions.n_customers, interactions.n_items
    indices = torch.from_numpy(np.stack([interactions.customer, interactions.item]).astype(np.int64))
    weights = torch.from_numpy(event_weights(interactions.type, context.type_weights))
    counts = sparse(indices, weights, n_customers, n_items)
    customer, item = counts.indices()
    distinct = torch.bincount(customer, minlength=n_customers).float()
    # Whoever bought everything would weigh nothing at all; a trace is kept so that one-customer shops work.
    values = counts.values().clamp(min=0).sqrt() * torch.log(n_items / distinct[customer]).clamp(min=1e-3)
    norms = torch.zeros(n_items).index_add_(0, item, values**2).sqrt()
    return sparse(counts.indices(), values / norms[item].clamp(min=1e-12), n_customers, n_items)


def sparse(indices: torch.Tensor, values: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
    """Coalesced COO matrix; the indices come from our own arrays and need no second check."""
    return torch.sparse_coo_tensor(indices, values, (rows, columns), check_invariants=False).coalesce()
