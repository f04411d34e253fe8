"""The loops of the search for the best (`search`), compiled by numba: looking through products, judging what is left.

Products of whole numbers are made in the processor's registers, a few queries with a few items at a time, and compared
there: nearly all stay below the limit of their query and never reach memory (the register blocking of Goto and van de
Geijn, Anatomy of High-Performance Matrix Multiplication, 2008). As numba makes no such loop of Python, `reaching` is
written in LLVM's language. Two products of 16 bits take one instruction where float32 takes two.

A key is a product, and in the lower 32 bits the number of the item, so that keys are ordered as products are.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba import njit, types
from numba.cpython.unsafe.numbers import trailing_zeros
from numba.extending import intrinsic, register_jitable
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Int16 = NDArray[np.int16]
Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
Function = TypeVar("Function", bound=Callable[..., Any])

_FEATURES = get_host_cpu_features()
LANES = 16 if _FEATURES.get("avx512bw") else 8 if _FEATURES.get("avx2") else 4  # products that a register holds
ROWS, VECTORS = 6, 2  # queries, and registers of items: their products fill 12 registers, of 16 or 32
COLUMNS = VECTORS * LANES
HELD = 65_536  # numbers of items that queries meet one after the other: they stay in the cache
NONE = 0x7FFFFFFF  # as a limit: no product is as large
NOTHING = -1 << 63  # as a key: below all others
ITEM = 0xFFFFFFFF  # of a key, the part that says whose product it is


class Rows(NamedTuple):
    """What is known so far of the k best of n items for b queries."""

    n: int
    k: int
    limits: Int32  # [b] products below which none is of one of the best
    margins: Int64  # [b] how much smaller than the k-th largest product one of the best may be, rounded as they are
    counts: Int64  # [b]
    keys: Int64  # [b, room(k)] of products that reach the limit, as many as the count says


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
    return 2 * place + 8


def nothing_known(n: int, k: int, b: int) -> Rows:
    """Before anything is looked at."""
    limits = np.full(b, -NONE, dtype=np.int32)
    margins, counts = np.zeros((2, b), dtype=np.int64)
    return Rows(n, k, limits, margins, counts, np.empty((b, room(k)), dtype=np.int64))


_WHOLE, _NUMBER = ir.IntType(64), ir.IntType(32)
_REGISTER, _HALVES = ir.VectorType(_NUMBER, LANES), ir.VectorType(ir.IntType(16), 2 * LANES)


def _at(builder: ir.IRBuilder, start: ir.Value, index: ir.Value, what: ir.Type) -> ir.Value:
    """Where `what` lies, `index` numbers of 32 bits after the start."""
    return builder.bitcast(builder.gep(start, [index]), what.as_pointer())


def _repeated(builder: ir.IRBuilder, start: ir.Value, index: ir.Value) -> ir.Value:
    """A register full of one number."""
    number = builder.load(_at(builder, start, index, _NUMBER))
    one = builder.insert_element(_REGISTER(ir.Undefined), number, _NUMBER(0))
    return builder.shuffle_vector(one, _REGISTER(ir.Undefined), _REGISTER([0] * LANES))


def _product(builder: ir.IRBuilder, one: ir.Value, other: ir.Value) -> ir.Value:
    """Of two registers of halves, the sums of two products each: one instruction where the processor has it."""
    wide = ir.VectorType(_NUMBER, 2 * LANES)
    both = builder.mul(builder.sext(one, wide), builder.sext(other, wide))
    parts = [_REGISTER(list(range(half, 2 * LANES, 2))) for half in (0, 1)]
    return builder.add(*(builder.shuffle_vector(both, wide(ir.Undefined), part) for part in parts))


@intrinsic
def reaching(_: Any, queries: Any, items: Any, limits: Any, products: Any) -> tuple[Any, Callable[..., ir.Value]]:
    """Products [ROWS, COLUMNS] of `queries` [h, ROWS, 2] with `items` [h, COLUMNS, 2], h > 0, left in `products`.

    Returned are the columns, as bits, in which one reaches the limit [ROWS] of its query.
    """

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> ir.Value:
        arrays = [context.make_array(of)(context, builder, a) for of, a in zip(signature.args, arguments, strict=True)]
        queries, items, limits, products = (builder.bitcast(array.data, _NUMBER.as_pointer()) for array in arrays)
        before, loop, after = builder.block, builder.append_basic_block(), builder.append_basic_block()
        builder.branch(loop)
        builder.position_at_end(loop)
        step = builder.phi(_WHOLE)
        sums = [[builder.phi(_REGISTER) for _ in range(VECTORS)] for _ in range(ROWS)]
        row, column = builder.mul(step, _WHOLE(ROWS)), builder.mul(step, _WHOLE(COLUMNS))
        places = [_at(builder, items, builder.add(column, _WHOLE(v * LANES)), _HALVES) for v in range(VECTORS)]
        several = [builder.load(place, align=2) for place in places]
        totals = []
        for r in range(ROWS):
            query = builder.bitcast(_repeated(builder, queries, builder.add(row, _WHOLE(r))), _HALVES)
            totals.append([builder.add(_product(builder, query, several[v]), sums[r][v]) for v in range(VECTORS)])
            for v in range(VECTORS):
                sums[r][v].add_incoming(_REGISTER([0] * LANES), before)
                sums[r][v].add_incoming(totals[r][v], loop)
        following = builder.add(step, _WHOLE(1))
        step.add_incoming(_WHOLE(0), before)
        step.add_incoming(following, loop)
        builder.cbranch(builder.icmp_signed("<", following, builder.extract_value(arrays[0].shape, 0)), loop, after)
        builder.position_at_end(after)
        columns = _WHOLE(0)
        for v in range(VECTORS):
            some = ir.VectorType(ir.IntType(1), LANES)([0] * LANES)
            for r in range(ROWS):
                builder.store(totals[r][v], _at(builder, products, _WHOLE(r * COLUMNS + v * LANES), _REGISTER), align=4)
                some = builder.or_(some, builder.icmp_signed(">=", totals[r][v], _repeated(builder, limits, _WHOLE(r))))
            bits = builder.zext(builder.bitcast(some, ir.IntType(LANES)), _WHOLE)
            columns = builder.or_(columns, builder.shl(bits, _WHOLE(v * LANES)))
        return columns

    return types.int64(queries, items, limits, products), generate


@compiled
def scan(queries: Int16, items: Int16, sure: float, rows: Rows) -> None:
    """Leave in `rows` what of the products can be of one of the best.

    Both come in blocks: [b / ROWS, h, ROWS, 2], [p, h, COLUMNS, 2], 2 h numbers each; the items in random order. By
    `sure` standard deviations more are let through than the part that was seen tells. Few items are taken at first,
    while there is no good limit, later so many that they stay in the cache while the queries meet them.
    """
    most = max(1, HELD // items[0].size)
    first, step = 0, 1
    while first < len(items):
        seen = rows.k * min((first + step) * COLUMNS / rows.n, 1.0)
        place = min(rows.k, 1 + math.ceil(seen + sure * math.sqrt(seen)))
        _scan_some(queries, items[first : first + step], first * COLUMNS, place, rows)
        first, step = first + step, min(2 * step, most)


@compiled
def _scan_some(queries: Int16, items: Int16, first: int, place: int, rows: Rows) -> None:
    """Add to `rows` what reaches the limits of some items, numbered from `first` on.

    Where there is no room left, the limit rises to what the best can have if the `place` best of those seen are among
    them. A row with too many near its limit is given up: nothing reaches it any more, and its count is 0.
    """
    products = np.empty((ROWS, COLUMNS), dtype=np.int32)
    near = np.empty((len(items) + 1) * products.size, dtype=np.int64)
    full = room(place)
    for b in range(len(queries)):
        limits, count = rows.limits[b * ROWS : (b + 1) * ROWS], 0
        for p in range(len(items)):
            columns: int = reaching(queries[b], items[p], limits, products)  # type: ignore[call-arg]  # numba gives one
            while columns:
                c = trailing_zeros(columns)
                columns &= columns - 1
                for r in range(ROWS):  # which of them it is cannot be foreseen: all are written, the next one over it
                    near[count] = np.int64(products[r, c]) << 32 | ((p * COLUMNS + c) * ROWS + r)
                    count += products[r, c] >= limits[r]
        for key in near[:count]:
            number, r = divmod(key & ITEM, ROWS)
            if key >> 32 >= limits[r] and first + number < rows.n:
                row = b * ROWS + r
                keys = rows.keys[row]
                keys[rows.counts[row]] = key >> 32 << 32 | (first + number)
                rows.counts[row] += 1
                if rows.counts[row] == full:
                    limit, kept = _raised(keys[:full], place, rows.margins[row])
                    limits[r], rows.counts[row] = (limit, kept) if kept < full else (NONE, 0)


@compiled
def _raised(keys: Int64, place: int, margin: int) -> tuple[int, int]:
    """The product that the best of these keys reach if `place` are among them, and how many do; those come first."""
    limit, kept = max((best_first(keys, place) >> 32) - margin, -NONE), place
    for i in range(place, len(keys)):
        keys[kept] = keys[i]
        kept += keys[i] >> 32 >= limit
    return limit, kept


@compiled
def judge(queries: Float32, vectors: Float32, rows: Rows) -> None:
    """Leave in `rows` what can be among the k best, its keys made of the bits of products in float32.

    The count becomes 0 where that is not known, because a limit has been higher than what the best reach. Places beyond
    the count hold NOTHING.
    """
    for r in range(len(queries)):
        keys, kept = rows.keys[r], 0
        if rows.counts[r] >= rows.k:
            least, kept = _raised(keys[: rows.counts[r]], rows.k, rows.margins[r])
            if least < rows.limits[r]:
                kept = 0
        for i in range(kept):
            item = keys[i] & ITEM
            bits = np.float32(product(queries[r], vectors[item])).view(np.int32)
            keys[i] = np.int64(ordered(bits)) << 32 | item
        keys[kept:] = NOTHING
        rows.counts[r] = kept


@compiled
def product(one: Float32, other: Float32) -> np.float32:
    """Of two vectors [d]."""
    total = np.float32(0)
    for i in range(len(one)):
        total += one[i] * other[i]
    return total


@compiled
def best_first(keys: Int64, k: int) -> int:
    """Bring the k largest to the beginning, in any order, and return the k-th largest (Hoare's FIND, 1961).

    What is larger than the pivot is moved without a branch, which could not be foreseen.
    """
    low, high = 0, len(keys) - 1
    while low < high:
        middle, larger = (low + high) >> 1, low
        pivot = keys[middle]
        keys[middle] = keys[high]
        for i in range(low, high):
            key = keys[i]
            keys[i] = keys[larger]
            keys[larger] = key
            larger += key > pivot
        keys[high] = keys[larger]
        keys[larger] = pivot
        if larger < k:
            low = larger + 1
        if larger >= k - 1:
            high = larger - 1
    return keys[k - 1]


@register_jitable
def ordered(bits: Any) -> Any:
    """Bits of numbers as integers in the order of the numbers, and back."""
    return bits ^ (bits >> 31 & 0x7FFFFFFF)
