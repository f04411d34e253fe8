"""What is known of the items besides their events, as one vector each."""

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from recommendations.ml.artefacts import Arrays
from recommendations.ml.errors import DataError
from recommendations.ml.features import Features
from recommendations.ml.files import write_arrays
from recommendations.ml.interactions import Interactions
from recommendations.ml.ragged import Int64
from recommendations.ml.text import HashingEncoder, TextEncoder, unit_rows

Float32 = NDArray[np.float32]
SOLD = "is_sold"  # the number that says whether an item may be recommended
SIZE = 128  # of the vectors
WORDS = 512  # places that the words of categories and brands are hashed to
TEXT, KINDS, NUMBERS, GIVEN = 1.0, 1.0, 0.3, 1.0  # lengths of the parts before they are put together


@dataclass(frozen=True)
class Catalogue:
    """Items with their features, texts [n] and, where the shop gave any, vectors float32 [n, d], NaN = none."""

    features: Features
    texts: Sequence[str]
    given: Float32

    def __post_init__(self) -> None:
        if not len(self.features) == len(self.texts) == len(self.given):
            raise DataError("features, texts and vectors of the catalogue differ in length")

    def vectors(self, item_ids: Int64, encoder: TextEncoder | None = None, *, seed: int = 1) -> Float32:
        """Vectors [len(item_ids), at most SIZE] of length 1; those of unknown items are 0.

        Text, words, numbers and given vectors side by side, reduced to their leading directions (latent semantic
        analysis, Deerwester et al., 1990).
        """
        parts = (
            TEXT * (encoder or HashingEncoder()).encode(self.texts),
            KINDS * self._kinds(),
            NUMBERS * self._numbers(),
            GIVEN * unit_rows(self.given),
        )
        reduced = _leading(np.concatenate(parts, axis=1), seed=seed)
        result = np.zeros((len(item_ids), reduced.shape[1]), dtype=np.float32)
        if len(self.features):
            position = np.searchsorted(self.features.ids, item_ids).clip(max=len(self.features) - 1)
            known = self.features.ids[position] == item_ids
            result[known] = reduced[position[known]]
        return result

    def with_all_items(self, interactions: Interactions) -> Interactions:
        """The same events over all items that had any or may be sold, so that new ones can be recommended."""
        sold = np.ones(len(self.features), dtype=np.bool_)
        if SOLD in self.features.number_names:
            sold = self.features.number(SOLD) > 0
        return interactions.with_items(np.union1d(interactions.item_ids, self.features.ids[sold]))

    def _kinds(self) -> Float32:
        """The words of every column, hashed: [n, WORDS]. A column's name is part of the word."""
        kinds = np.zeros((len(self.features), WORDS), dtype=np.float32)
        for name, words in zip(self.features.code_names, self.features.words, strict=True):
            if words:
                hashed = HashingEncoder(WORDS, lengths=(3, 5)).encode([f"{name} {word}" for word in words])
                code = self.features.code(name)
                kinds[code >= 0] += hashed[code[code >= 0]]
        return unit_rows(kinds)

    def _numbers(self) -> Float32:
        """Every number in standard deviations from its mean, 0 where unknown: [n, p]."""
        known = np.isfinite(self.features.numbers)
        numbers = np.where(known, self.features.numbers, 0.0).astype(np.float64)
        count = known.sum(axis=0).clip(min=1)
        centred = np.where(known, numbers - numbers.sum(axis=0) / count, 0.0)
        spread = np.sqrt((centred**2).sum(axis=0) / count).clip(min=1e-6)
        return (centred / spread).clip(-3, 3).astype(np.float32) / np.float32(max(centred.shape[1], 1) ** 0.5)

    def save(self, path: Path) -> None:
        """Write one `.npz` file."""
        features = self.features
        names = {"numbers": features.number_names, "codes": features.code_names, "words": features.words}
        described = json.dumps({**names, "texts": list(self.texts)}).encode()
        arrays: Arrays = {"ids": features.ids, "numbers": features.numbers, "codes": features.codes}
        write_arrays(path, {**arrays, "given": self.given, "described": np.frombuffer(described, dtype=np.uint8)})

    @classmethod
    def load(cls, path: Path) -> Self | None:
        """Read what `save` wrote; None when there is no such file. Raises DataError when it is damaged."""
        try:
            with np.load(path, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            described = json.loads(arrays["described"].tobytes())
            features = Features(
                ids=arrays["ids"],
                numbers=arrays["numbers"],
                number_names=tuple(described["numbers"]),
                codes=arrays["codes"],
                code_names=tuple(described["codes"]),
                words=tuple(tuple(words) for words in described["words"]),
            )
            return cls(features, described["texts"], arrays["given"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise DataError(f"{path}: not a readable catalogue: {error}") from None


def _leading(table: Float32, *, seed: int) -> Float32:
    """The rows [n, p] in their SIZE leading directions, of length 1."""
    size = min(SIZE, *table.shape)
    if size == 0:
        return np.zeros((len(table), 0), dtype=np.float32)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        _, _, directions = torch.svd_lowrank(torch.from_numpy(table), q=size, niter=2)
    return unit_rows((torch.from_numpy(table) @ directions).numpy())
