"""What is known of customers or items besides their events: numbers, and coarse words as codes."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from recommendations.ml.errors import DataError
from recommendations.ml.ragged import Int64


@dataclass(frozen=True)
class Features:
    """One row per customer or item.

    ids: int64 [n] raw ids, unique and ascending, as in `Interactions`; numbers: float32 [n, p], NaN where unknown, with
    `number_names` [p]; codes: int32 [n, q], −1 where unknown, with `code_names` [q]; `words[j][codes[i, j]]` is the
    word that a code of column j stands for.
    """

    ids: Int64
    numbers: NDArray[np.float32]
    number_names: tuple[str, ...]
    codes: NDArray[np.int32]
    code_names: tuple[str, ...]
    words: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        n = len(self.ids)
        if self.numbers.shape != (n, len(self.number_names)) or self.codes.shape != (n, len(self.code_names)):
            raise DataError(f"features of {n} rows have shapes {self.numbers.shape} and {self.codes.shape}")
        if (np.diff(self.ids) <= 0).any():
            raise DataError("ids of features are not ascending and unique")
        if len(self.words) != len(self.code_names) or any(
            len(column) and column.max() >= len(words) for column, words in zip(self.codes.T, self.words, strict=True)
        ):
            raise DataError("a code of the features has no word")

    def __len__(self) -> int:
        return len(self.ids)

    def number(self, name: str) -> NDArray[np.float32]:
        """The column `name` of numbers, float32 [n]."""
        return self.numbers[:, self.number_names.index(name)]

    def code(self, name: str) -> NDArray[np.int32]:
        """The column `name` of codes, int32 [n]."""
        return self.codes[:, self.code_names.index(name)]

    def aligned(self, ids: Int64) -> Self:
        """The rows of `ids` [m], ascending and unique, such as `Interactions.item_ids`; of others nothing is known."""
        position = np.searchsorted(self.ids, ids).clip(max=max(len(self) - 1, 0))
        numbers = np.full((len(ids), self.numbers.shape[1]), np.nan, dtype=np.float32)
        codes = np.full((len(ids), self.codes.shape[1]), -1, dtype=np.int32)
        if len(self):
            known = self.ids[position] == ids
            numbers[known], codes[known] = self.numbers[position[known]], self.codes[position[known]]
        return type(self)(ids, numbers, self.number_names, codes, self.code_names, self.words)
