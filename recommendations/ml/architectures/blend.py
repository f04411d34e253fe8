"""Blend: the flagship's score, its neighbours' and others', each weighed by what it adds on validation data."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommendations.ml.architectures.base import Architecture
from recommendations.ml.architectures.item_knn import ItemKNN
from recommendations.ml.architectures.transformer import Transformer
from recommendations.ml.architectures.transitions import Transitions
from recommendations.ml.artefacts import Arrays
from recommendations.ml.config import Config
from recommendations.ml.context import Context, FitReport
from recommendations.ml.histories import Histories
from recommendations.ml.interactions import Interactions
from recommendations.ml.mixing import learn_weights
from recommendations.ml.splits import HeldOut

PARTS: dict[str, type[Architecture]] = {part.name: part for part in (ItemKNN, Transitions, Transformer)}
RESERVE = 0.06  # share of the time that choosing the weights takes


@dataclass(frozen=True)
class BlendConfig(Config):
    """parts: names of the architectures that are mixed, the quick ones first. candidates: items of each part that the
    weights are learned on. customers: validation customers that they are learned on. floor: the probability, relative
    to an even spread, of what a part does not know; the best is chosen."""

    parts: tuple[str, ...] = ("item_knn", "transitions", "transformer")
    candidates: int = 100
    customers: int = 10_000
    floors: tuple[float, ...] = (1.0, 10.0, 30.0)


class Blend(Architecture):
    """A product of experts (Hinton, 2002): the weighted sum of log-probabilities [b, n_items] of its parts."""

    name = "blend"
    config_class = BlendConfig
    config: BlendConfig

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self.parts = [PARTS[name]() for name in self.config.parts]
        self.weights = np.ones(len(self.parts))
        self.floor = self.config.floors[0]
        self.exclude_seen = True

    def _fit(self, interactions: Interactions, context: Context) -> FitReport:
        self.exclude_seen = context.exclude_seen
        report = FitReport()
        started = time.monotonic()
        for part in self.parts:
            checkpoint = context.checkpoint and context.checkpoint.with_suffix(f".{part.name}.pt")
            spent = time.monotonic() - started
            seconds = None if context.seconds is None else max(0.0, context.seconds * (1.0 - RESERVE) - spent)
            found = part.fit(interactions, replace(context, checkpoint=checkpoint, seconds=seconds))
            report = found if found.epochs else report
        if context.validation is not None and len(context.validation):
            self._choose_weights(context.validation, context.seed)
        return report

    def _choose_weights(self, held_out: HeldOut, seed: int) -> None:
        if len(held_out) > self.config.customers:
            rows = np.random.default_rng(seed).choice(len(held_out), self.config.customers, replace=False)
            held_out = held_out.rows(np.sort(rows))
        best = -1.0
        for floor in self.config.floors:
            self.floor = floor
            features, items = self._candidates(held_out)
            weights, figure = learn_weights(features, items, held_out, np.ones(len(self.parts)))
            if figure > best:
                best, chosen = figure, (floor, weights)
        self.floor, self.weights = chosen

    def _candidates(self, held_out: HeldOut) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Every part's log-probabilities [m, c, parts] of the best items [m, c] of all parts; -1 = a double."""
        features, items = [], []
        for start in range(0, len(held_out), 512):
            histories = held_out.histories.slice(start, start + 512)
            scores = [self._log_probabilities(part, histories) for part in self.parts]
            if self.exclude_seen:
                for table in scores:
                    table[histories.row, histories.item] = -1e9
            count = min(self.config.candidates, len(self.item_ids))
            best = [np.argpartition(-table, count - 1, axis=1)[:, :count] for table in scores]
            chosen = np.sort(np.concatenate(best, axis=1), axis=1)
            features.append(np.stack([np.take_along_axis(table, chosen, axis=1) for table in scores], axis=2))
            chosen[:, 1:][chosen[:, 1:] == chosen[:, :-1]] = -1
            items.append(chosen)
        return np.concatenate(features), np.concatenate(items)

    def _log_probabilities(self, part: Architecture, histories: Histories) -> NDArray[np.float32]:
        scores = part.score(histories)
        if part.logarithmic:
            return scores
        if self.exclude_seen:
            scores[histories.row, histories.item] = 0.0
        scores = np.maximum(scores, 0.0)
        scores /= np.maximum(scores.sum(axis=1, keepdims=True), 1e-12)
        return np.log(scores + np.float32(self.floor / max(len(self.item_ids), 1)))

    def _score(self, histories: Histories) -> NDArray[np.float32]:
        total = np.zeros((len(histories), len(self.item_ids)), dtype=np.float32)
        for part, weight in zip(self.parts, self.weights, strict=True):
            if weight:
                total += np.float32(weight) * self._log_probabilities(part, histories)
        return total

    def _meta(self) -> dict[str, Any]:
        return {"parts": {part.name: asdict(part.config) for part in self.parts}}

    def _load_meta(self, meta: Mapping[str, Any]) -> None:
        self.parts = [PARTS[name](PARTS[name].config_class(**options)) for name, options in meta["parts"].items()]

    def _arrays(self) -> Arrays:
        own = {"weights": self.weights, "floor": np.array(self.floor), "exclude_seen": np.array(self.exclude_seen)}
        nested = {
            f"{part.name}/{name}": array
            for part in self.parts
            for name, array in {"prior": part.prior, **part._arrays()}.items()
        }
        return {**own, **nested}

    def _load_arrays(self, arrays: Arrays) -> None:
        self.weights, self.floor = arrays["weights"], float(arrays["floor"])
        self.exclude_seen = bool(arrays["exclude_seen"])
        for part in self.parts:
            own: dict[str, Any] = {
                name.removeprefix(f"{part.name}/"): array
                for name, array in arrays.items()
                if name.startswith(f"{part.name}/")
            }
            part.item_ids, part.prior = self.item_ids, own.pop("prior")
            part._load_arrays(own)
