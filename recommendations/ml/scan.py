"""The loops of the search for the best (`search`), compiled by numba: looking through products, judging what is left.

Products come as the bits of bfloat16 (int16) or of float32 (int32, without 0 of its last bits). Those of positive
numbers are ordered as the numbers are, and only these are looked for. A key is the bits of a product, and in the lower
32 the number of the item, so that keys are ordered as products are.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from numba import njit
from numba.extending import register_jitable
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
Function = TypeVar("Function", bound=Callable[..., Any])

BLOCK = 128  # products passed over at once where none reaches the limit; a tile holds a multiple of them
PART = 8  # of such a block, those taken one by one where one does: as many as a number of 64 bits has bytes
NONE = 0x7FFFFFFF  # as a limit: no number has such bits
NOTHING = -1 << 63  # as a key: below all others
ITEM = 0xFFFFFFFF  # of a key, the part that says whose product it is


class Precision(NamedTuple):
    """How far products can be from the exact ones."""

    shift: int  # last bits of float32 that they lack
    rounded: float  # by how much of itself the number that a product has become may differ from it
    error: Float32  # [b] by how much more a product with one of the queries may


class Rows(NamedTuple):
    """What is known of b queries so far."""

    limits: Int32  # [b] bits below which no product can be among the best
    counts: Int64  # [b]
    keys: Int64  # [b, places(k)] of products that reach the limit, as many as the count says


def compiled(function: Function) -> Function:
    """Compiled at the first call, to run without Python's lock; kept for later processes where a folder takes it.

    Sums may be taken in any order, so that they become vector instructions.
    """
    freely = {"reassoc", "contract"}
    try:
        return cast(Function, njit(nogil=True, fastmath=freely, cache=True)(function))
    except RuntimeError:  # neither the folder of this file nor the user's for such things can be written
        return cast(Function, njit(nogil=True, fastmath=freely)(function))


@register_jitable
def room(place: int) -> int:
    """How many keys of a row are held before those are dropped that its guessed limit leaves out."""
    return 2 * place + PART


def places(k: int) -> int:
    """How many keys a row must be able to hold: the next block, and the place after, are written before it is seen."""
    return room(k) + BLOCK + 1


@compiled
def gather(bits: NDArray[Any], first: int, place: int, precision: Precision, rows: Rows) -> None:
    """Add to `rows` what of the products `bits` [b, w] of the items from `first` on reaches the limits.

    Where more come than there is room for, the limit rises to what the best can have if the `place` best of those seen
    are among them. A row with too many near its limit is given up: nothing reaches it any more, and its count is 0.
    """
    width, full = np.uint64(bits.shape[1]), np.uint64(room(place))
    reached = np.zeros(BLOCK, dtype=np.uint8)
    parts = reached.view(np.uint64)
    for r in range(len(bits)):
        row, held = bits[r], rows.keys[r]
        limit, count = bits.dtype.type(rows.limits[r]), np.uint64(rows.counts[r])
        for block in range(np.uint64(0), width, np.uint64(BLOCK)):  # unsigned: no index is looked at for being negative
            some = False
            for i in range(np.uint64(BLOCK)):
                some |= row[block + i] >= limit
            if not some:
                continue
            for i in range(np.uint64(BLOCK)):
                reached[i] = row[block + i] >= limit
            for part in range(np.uint64(len(parts))):
                if parts[part]:
                    for i in range(part * np.uint64(PART), (part + np.uint64(1)) * np.uint64(PART)):
                        held[count] = np.int64(row[block + i]) << 32 | (first + np.int64(block + i))
                        count += np.uint64(reached[i])  # else the next one takes its place
            if count > full:
                limit = bits.dtype.type(max(bound(held[:count], place, precision, r), np.int64(limit)))
                count = drop(held[:count], np.int64(limit))
                if count > full:
                    limit, count = bits.dtype.type(NONE >> precision.shift), np.uint64(0)
        rows.limits[r], rows.counts[r] = limit, count


@compiled
def judge(k: int, precision: Precision, rows: Rows, queries: Float32, vectors: Float32) -> None:
    """Leave in `rows` what can be among the k best, its keys made of products in float32 with `vectors` [n, d].

    The count becomes 0 where that is not known, because a limit has been higher than what the best reach. Places beyond
    the count hold NOTHING.
    """
    for r in range(len(queries)):
        held, query, count, kept = rows.keys[r], queries[r], rows.counts[r], 0
        least = bound(held[:count], k, precision, r) if count >= k else np.int64(0)
        if least >= np.int64(rows.limits[r]):
            for i in range(count):
                bits, item = held[i] >> 32, held[i] & ITEM
                if bits >= least:
                    if precision.shift:
                        bits = np.int64(ordered(np.float32(product(query, vectors[item])).view(np.int32)))
                    held[kept] = bits << 32 | item
                    kept += 1
        held[kept:] = NOTHING
        rows.counts[r] = kept


@compiled
def drop(keys: Int64, limit: np.int64) -> np.uint64:
    """Let what is below the limit go, and say how many keys are left; they come first."""
    kept = np.uint64(0)
    for i in range(len(keys)):
        keys[kept] = keys[i]
        kept += np.uint64(keys[i] >> 32 >= limit)
    return kept


@compiled
def bound(keys: Int64, k: int, precision: Precision, r: int) -> np.int64:
    """Bits of the product that each of the k best of these and of all others reaches; 0 if it can be negative."""
    value = np.int32((largest(keys.copy(), k) >> 32) << precision.shift).view(np.float32)
    least = (value * (1 - precision.rounded) - 2 * precision.error[r]) / (1 + precision.rounded)
    return np.int64(np.float32(least).view(np.int32) >> precision.shift) if least > 0 else np.int64(0)


@compiled
def product(one: Float32, other: Float32) -> np.float32:
    """Of two vectors [d]."""
    total = np.float32(0)
    for i in range(len(one)):
        total += one[i] * other[i]
    return total


@register_jitable
def ordered(bits: Any) -> Any:
    """Bits of numbers as integers in the order of the numbers, and back."""
    return bits ^ (bits >> 31 & 0x7FFFFFFF)


@compiled
def largest(values: Int64, k: int) -> np.int64:
    """The k-th largest of `values`, whose order is lost (Hoare's FIND, 1961)."""
    low, high, place = 0, len(values) - 1, len(values) - k
    while low < high:
        pivot = values[(low + high) >> 1]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if place <= j:
            high = j
        elif place >= i:
            low = i
        else:
            break
    return values[place]
