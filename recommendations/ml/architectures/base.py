"""The interface that every architecture of the family keeps."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recommendations.ml import artefacts
from recommendations.ml.config import Config
from recommendations.ml.context import Context, FitReport
from recommendations.ml.errors import ArtefactError, ConfigError
from recommendations.ml.histories import Histories
from recommendations.ml.interactions import Interactions
from recommendations.ml.precision import FLOAT32
from recommendations.ml.ragged import Int64
from recommendations.ml.search import Index
from recommendations.ml.topk import top_k

OUTCOMES = "outcomes."  # before the names of their arrays in the artefact
BLOCK_CELLS = 16_000_000  # scores held at once: 64 MB of float32


class Architecture(ABC):
    """A recommender: fit on interactions, score histories, keep itself in one file.

    Scores are float32 [b, n_items] over `item_ids`; only their order within a row carries meaning.
    Where `logarithmic` they are log-probabilities up to a constant a row, else weights of at least 0.
    A model never looks a customer up: whoever has a history can be scored, known at training or not.
    """

    name: ClassVar[str]
    config_class: ClassVar[type[Config]]
    logarithmic: ClassVar[bool] = False
    can_be_private: ClassVar[bool] = False

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or self.config_class()
        self.item_ids: Int64 = np.zeros(0, dtype=np.int64)
        self.prior: NDArray[np.float32] = np.zeros(0, dtype=np.float32)
        self.outcomes: artefacts.Arrays = {}  # what the scores are worth as probabilities; see `outcomes`

    def fit(self, interactions: Interactions, context: Context) -> FitReport:
        """Learn from `interactions`.

        With `context.validation` what has to be chosen (when to stop, how to weigh) is chosen on it and remembered;
        a later fit of the same object without one, on more data, repeats those choices.
        """
        self.item_ids = interactions.item_ids
        self.prior = np.bincount(interactions.item, minlength=interactions.n_items).astype(np.float32)
        if context.privacy is not None:
            if not self.can_be_private:
                raise ConfigError(f"{self.name} cannot be trained privately; transformer, rnn and cnn can")
            self.prior = np.ones_like(self.prior)  # who bought what is not told by a count either
        return self._fit(interactions, context)

    def score(self, histories: Histories) -> NDArray[np.float32]:
        """Scores [b, n_items]; a row without events gets the popularity of the items."""
        scores = self._score(histories)
        scores[histories.lengths == 0] = self.prior
        return scores

    def rank(
        self,
        histories: Histories,
        k: int,
        *,
        exclude_seen: bool,
        allowed: NDArray[np.bool_] | None = None,
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The k best items [b, k] and their scores [b, k], in blocks of bounded memory; -1 where there are no more.

        exclude_seen leaves out what is in the history; allowed [n_items] leaves out everything that is false.
        """
        items = np.full((len(histories), k), -1, dtype=np.int64)
        values = np.full((len(histories), k), -np.inf, dtype=np.float32)
        known = np.flatnonzero(histories.lengths > 0)
        left = np.arange(len(histories))
        if len(known) and (factors := self.factors(histories.rows(known))) is not None:
            found = _nearest(*factors, histories.rows(known), k, exclude_seen=exclude_seen, allowed=allowed)
            items[known], values[known] = found
            left = np.flatnonzero(histories.lengths == 0)
        step = max(1, BLOCK_CELLS // max(len(self.item_ids), 1))
        for start in range(0, len(left), step):
            rows = left[start : start + step]
            block = histories.rows(rows)
            scores = self.score(block)
            if exclude_seen:
                scores[block.row, block.item] = -np.inf
            if allowed is not None:
                scores[:, ~allowed] = -np.inf
            items[rows], values[rows] = top_k(torch.from_numpy(scores), k)
        return items, values

    def factors(self, histories: Histories) -> tuple[Tensor, Tensor] | None:
        """Customers [b, d] and items [n_items, d] whose products are the scores; None: they come about otherwise."""
        return None

    def rate(self, histories: Histories, row: Int64, item: Int64, time: Int64) -> NDArray[np.float64] | None:
        """Expected ratings [p] of items by rows of `histories` at some time; None: the model foretells no ratings."""
        return None

    def save(self, path: str | Path, *, precision: str = FLOAT32) -> None:
        """Write the model to one file, its numbers in the given precision."""
        meta = {"architecture": self.name, "config": asdict(self.config), **self._meta()}
        outcomes = {f"{OUTCOMES}{name}": array for name, array in self.outcomes.items()}
        arrays: artefacts.Arrays = {"item_ids": self.item_ids, "prior": self.prior}
        artefacts.write(Path(path), meta, {**arrays, **outcomes, **self._arrays()}, precision=precision)

    @classmethod
    def restore(cls, meta: Mapping[str, Any], arrays: artefacts.Arrays) -> Self:
        """Rebuild a model from what `save` wrote. Raises ArtefactError when a part is missing or does not fit."""
        arrays = dict(arrays)
        try:
            model = cls(cls.config_class(**meta["config"]))
            model.item_ids, model.prior = arrays.pop("item_ids"), arrays.pop("prior")
            names = [name for name in arrays if name.startswith(OUTCOMES)]
            model.outcomes = {name.removeprefix(OUTCOMES): arrays.pop(name) for name in names}
            model._load_meta(meta)
            model._load_arrays(arrays)
        except (KeyError, TypeError, ValueError, RuntimeError, ConfigError) as error:
            raise ArtefactError(f"artefact of {cls.name!r} does not fit this version: {error}") from None
        return model

    def _meta(self) -> dict[str, Any]:
        """What else describes the model."""
        return {}

    def _load_meta(self, meta: Mapping[str, Any]) -> None:
        """Take `_meta` back, before the arrays; whoever adds to the one has to read it in the other."""
        if self._meta():
            raise NotImplementedError(f"{self.name} writes a description that it does not read")

    @abstractmethod
    def _fit(self, interactions: Interactions, context: Context) -> FitReport: ...

    @abstractmethod
    def _score(self, histories: Histories) -> NDArray[np.float32]: ...

    @abstractmethod
    def _arrays(self) -> artefacts.Arrays: ...

    @abstractmethod
    def _load_arrays(self, arrays: artefacts.Arrays) -> None: ...


def _nearest(
    customers: Tensor,
    vectors: Tensor,
    histories: Histories,
    k: int,
    *,
    exclude_seen: bool,
    allowed: NDArray[np.bool_] | None,
) -> tuple[Int64, NDArray[np.float32]]:
    """`rank` by factors. Who has seen much is asked for with others who have: what was seen is asked for as well."""
    numbers = np.arange(len(vectors)) if allowed is None else np.flatnonzero(allowed)
    index = Index(vectors if allowed is None else vectors[torch.from_numpy(numbers)])
    items = np.full((len(histories), k), -1, dtype=np.int64)
    values = np.full((len(histories), k), -np.inf, dtype=np.float32)
    seen = np.unique(histories.row * len(vectors) + histories.item) if exclude_seen else np.zeros(0, dtype=np.int64)
    counts = np.bincount(seen // max(len(vectors), 1), minlength=len(histories))
    more = np.where(counts > 0, 1 << np.ceil(np.log2(counts.clip(min=1))).astype(np.int64), 0)
    for extra in np.unique(more):
        rows = np.flatnonzero(more == extra)
        place, score = index.search(customers[torch.from_numpy(rows)], k + int(extra))
        item = numbers[place.clip(min=0)]
        out = (place < 0) | np.isin(rows[:, None] * len(vectors) + item, seen)
        first = np.argsort(out, axis=1, kind="stable")[:, :k]
        out, item, score = (np.take_along_axis(array, first, axis=1) for array in (out, item, score))
        items[rows], values[rows] = np.where(out, -1, item), np.where(out, -np.inf, score)
    return items, values
