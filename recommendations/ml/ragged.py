"""Arithmetic on ragged arrays: rows of different lengths kept as one flat array and its offsets."""

import numpy as np
from numpy.typing import NDArray

Int64 = NDArray[np.int64]


def offsets_of(lengths: NDArray[np.integer]) -> Int64:
    """Start of every row, and the total at the end: int64 [n + 1] from lengths [n]."""
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def spans(starts: NDArray[np.integer], lengths: NDArray[np.integer]) -> Int64:
    """Flat positions `start, start + 1, …` of every span, one after the other: int64 [sum(lengths)]."""
    offsets = offsets_of(lengths)
    return np.arange(offsets[-1], dtype=np.int64) + np.repeat(
        np.asarray(starts, dtype=np.int64) - offsets[:-1], lengths
    )


def row_of(offsets: Int64) -> Int64:
    """Row number of every element: int64 [offsets[-1]]."""
    return np.repeat(np.arange(len(offsets) - 1, dtype=np.int64), np.diff(offsets))
