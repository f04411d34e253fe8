"""Texts as vectors, so that items that nobody has bought yet are still like others."""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from recommendations.ml.errors import ConfigError

Float32 = NDArray[np.float32]
AT_ONCE = 4096  # texts
LONGEST = 2000  # characters of a text that count
_FIRST_IDEOGRAPH = 0x2E80  # from here on a character is about a word


class TextEncoder(Protocol):
    """Turns texts into vectors; like texts get like vectors."""

    def encode(self, texts: Sequence[str]) -> Float32:
        """Rows of length 1 (or 0, for a text that says nothing): [len(texts), d]."""
        ...


@dataclass(frozen=True)
class HashingEncoder:
    """Character n-grams hashed with random signs (Weinberger et al., 2009) and weighed by how rare they are among the
    texts: no download, no dictionary, any language.

    Words of letters are read by runs of three to five characters, their borders included; ideographs, which no blanks
    divide, by single ones and pairs.
    """

    size: int = 1024
    lengths: tuple[int, ...] = (3, 4, 5)

    def encode(self, texts: Sequence[str]) -> Float32:
        """Rows of length 1: [len(texts), size]."""
        table = 1 << 20
        rarity = np.zeros(table, dtype=np.int64)
        for _, grams in self._grams(texts):
            rarity += np.bincount(grams[1] % table, minlength=table)
        weight = np.log((1.0 + len(texts)) / (1.0 + rarity)) + 1.0
        vectors = np.zeros((len(texts), self.size), dtype=np.float32)
        for start, (row, gram) in self._grams(texts):
            sign = np.where(gram >> 40 & 1, 1.0, -1.0)
            cell = row * self.size + (gram >> 20) % self.size
            count = min(AT_ONCE, len(texts) - start)
            block = np.bincount(cell, weights=sign * weight[gram % table], minlength=count * self.size)
            vectors[start : start + count] = block.reshape(count, self.size)
        return unit_rows(vectors)

    def _grams(self, texts: Sequence[str]) -> Iterator[tuple[int, tuple[NDArray[np.int64], NDArray[np.int64]]]]:
        """By blocks of texts: the block's start, and the different n-grams [g] of its rows [g], as hashes."""
        for start in range(0, len(texts), AT_ONCE):
            yield start, self._block(texts[start : start + AT_ONCE])

    def _block(self, texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        words = [f" {' '.join(plain(text[:LONGEST]).split())} " for text in texts]
        row = np.repeat(np.arange(len(words)), [len(word) for word in words])
        code = np.frombuffer("".join(words).encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
        ideograph = code >= _FIRST_IDEOGRAPH
        found = [self._runs(code, row, ideograph, length, of_ideographs=True) for length in (1, 2)]
        found += [self._runs(code, row, ideograph, length, of_ideographs=False) for length in self.lengths]
        pairs = np.unique(np.concatenate(found, axis=1), axis=1)
        return pairs[0], pairs[1]

    @staticmethod
    def _runs(
        code: NDArray[np.uint64],
        row: NDArray[np.int64],
        ideograph: NDArray[np.bool_],
        length: int,
        *,
        of_ideographs: bool,
    ) -> NDArray[np.int64]:
        """Rows and hashes [2, g] of all runs of `length` characters within a text and, of letters, within a word."""
        count = max(0, len(code) - length + 1)
        mixed = np.full(count, length, dtype=np.uint64)
        valid = row[:count] == row[length - 1 : length - 1 + count]
        for place in range(length):
            part = slice(place, place + count)
            mixed = (mixed ^ code[part]) * np.uint64(0x9E3779B97F4A7C15)
            mixed ^= mixed >> np.uint64(29)
            valid &= ideograph[part] == of_ideographs
            if 0 < place < length - 1:  # a blank stands at the border of a word, never inside
                valid &= code[part] != ord(" ")
        return np.stack((row[:count][valid], (mixed[valid] >> np.uint64(2)).astype(np.int64)))


class SentenceEncoder:
    """A model of the package sentence-transformers, where it is installed."""

    def __init__(self, name: str = "paraphrase-multilingual-MiniLM-L12-v2", *, device: str = "cpu") -> None:
        """Raises ConfigError when the package or the model is missing."""
        try:
            from sentence_transformers import SentenceTransformer  # type: ignore[import-not-found, unused-ignore]
        except ImportError:
            raise ConfigError("the package sentence-transformers is not installed; leave the encoder empty") from None
        try:
            self._model: Any = SentenceTransformer(name, device=device)
        except (OSError, ValueError) as error:
            raise ConfigError(f"sentence-transformers cannot load {name!r}: {error}") from None

    def encode(self, texts: Sequence[str]) -> Float32:
        """Rows of length 1: [len(texts), d]."""
        return unit_rows(np.asarray(self._model.encode(list(texts), show_progress_bar=False), dtype=np.float32))


def text_encoder(name: str, *, device: str = "cpu") -> TextEncoder:
    """The encoder of that name: `` = hashing, else a model of sentence-transformers."""
    return SentenceEncoder(name, device=device) if name else HashingEncoder()


def plain(text: str) -> str:
    """One form of letters: no case, no width, blanks for all that is neither letter nor digit."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(letter if letter.isalnum() else " " for letter in folded)


def unit_rows(vectors: Float32) -> Float32:
    """Rows divided by their lengths; what is not a number counts 0."""
    known = np.nan_to_num(vectors, nan=0.0, posinf=0.0, neginf=0.0)
    return (known / np.linalg.norm(known, axis=1, keepdims=True).clip(min=1e-9)).astype(np.float32)
