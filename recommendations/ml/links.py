"""What goes with what: items that the same customers have, and items of the same orders."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recommendations.ml.architectures.item_knn import ItemKNN, ItemKNNConfig
from recommendations.ml.architectures.neighbours import Neighbours
from recommendations.ml.artefacts import Arrays
from recommendations.ml.context import Context
from recommendations.ml.interactions import Interactions
from recommendations.ml.ragged import Int64, offsets_of, row_of, spans

KEPT = 50  # linked items per item and kind
LARGEST_ORDER = 100  # items; a dealer's order says little about what goes with what
FEWEST = 2  # orders that two items must share
PAIRS_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Together:
    """Items of the same orders: row i is columns[offsets[i]:offsets[i + 1]] with their lifts and counts of orders."""

    offsets: Int64
    columns: NDArray[np.int32]
    lifts: NDArray[np.float32]
    orders: Int64


def similar_items(interactions: Interactions, context: Context) -> Neighbours:
    """The KEPT items with the highest TF-IDF cosine between their customers, the item itself left out."""
    model = ItemKNN(ItemKNNConfig(neighbours=KEPT + 1))
    model.fit(interactions, replace(context, validation=None))
    found = model.neighbours
    rows = row_of(found.offsets)
    other = rows != found.columns
    return Neighbours.strongest(
        rows[other], found.columns[other], found.values[other], n_items=interactions.n_items, limit=KEPT
    )


def bought_together(purchases: Interactions) -> Together:
    """The items of the same orders: what a customer bought at one time is an order.

    lift = P(a, b) / (P(a) P(b)) over orders of more than one item. Kept are pairs of at least FEWEST orders that come
    together more often than by chance, ordered by Dunning's log-likelihood ratio (1993), because the lift alone
    prefers what happened twice.
    """
    order, item, n_orders = _orders(purchases)
    n = purchases.n_items
    counts = np.bincount(item, minlength=n)
    pairs, together = _count_pairs(order, item, n)
    kept = together >= FEWEST
    together, (a, b) = together[kept], np.divmod(pairs[kept], n)
    lift = together * n_orders / (counts[a] * counts[b]).astype(np.float64)
    strength = _log_likelihood(together, counts[a], counts[b], n_orders)
    kept = lift > 1.0
    a, b = np.concatenate([a[kept], b[kept]]), np.concatenate([b[kept], a[kept]])
    together, lift, strength = together[kept], lift[kept], strength[kept]
    sorted_ = np.lexsort((-np.tile(strength, 2), a))
    lengths = np.bincount(a, minlength=n)
    first = sorted_[spans(offsets_of(lengths)[:-1], np.minimum(lengths, KEPT))]
    return Together(
        offsets_of(np.minimum(lengths, KEPT)),
        b[first].astype(np.int32),
        np.tile(lift, 2)[first].astype(np.float32),
        np.tile(together, 2)[first],
    )


def link_arrays(interactions: Interactions, context: Context, *, bought: list[int]) -> Arrays:
    """Both kinds of links of every item as arrays for a file. bought: type codes of a purchase."""
    similar = similar_items(interactions, context)
    purchases = interactions.keep(np.isin(interactions.type, bought))
    together = bought_together(purchases)
    pairs = np.unique(purchases.item.astype(np.int64) * interactions.n_customers + purchases.customer)
    ids = interactions.item_ids
    return {
        "item_ids": ids,
        "buyers": np.bincount(pairs // max(interactions.n_customers, 1), minlength=len(ids)),
        "similar_offsets": similar.offsets,
        "similar_ids": ids[similar.columns],
        "similarities": similar.values,
        "together_offsets": together.offsets,
        "together_ids": ids[together.columns],
        "lifts": together.lifts,
        "orders": together.orders,
    }


def _orders(purchases: Interactions) -> tuple[Int64, Int64, int]:
    """Order number and item of every distinct line of an order of 2 to LARGEST_ORDER items, and how many there are."""
    moment = purchases.histories.moment
    starts = np.ones(len(purchases), dtype=np.bool_)
    starts[1:] = (np.diff(purchases.customer) != 0) | (np.diff(moment) != 0)
    lines = np.unique((np.cumsum(starts) - 1) * max(purchases.n_items, 1) + purchases.item)
    order, item = np.divmod(lines, max(purchases.n_items, 1))
    sizes = np.bincount(order) if len(order) else np.zeros(0, dtype=np.int64)
    kept = (sizes[order] >= 2) & (sizes[order] <= LARGEST_ORDER)
    return order[kept], item[kept], int(((sizes >= 2) & (sizes <= LARGEST_ORDER)).sum())


def _count_pairs(order: Int64, item: Int64, n_items: int) -> tuple[Int64, Int64]:
    """Keys a * n_items + b of the pairs a < b of one order [p], and in how many orders [p]; in bounded steps."""
    edges = np.flatnonzero(np.diff(order, prepend=-1))
    sizes = np.diff(np.append(edges, len(order)))
    later = np.repeat(edges + sizes, sizes) - np.arange(len(order)) - 1  # lines after this one in its order
    keys, counts = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    load = np.cumsum(later)
    bounds = np.searchsorted(load, np.arange(PAIRS_AT_ONCE, (load[-1] if len(load) else 0), PAIRS_AT_ONCE))
    for lines in np.split(np.arange(len(order)), bounds):
        a = np.repeat(item[lines], later[lines])
        b = item[spans(lines + 1, later[lines])]
        new, times = np.unique(a * n_items + b, return_counts=True)
        keys, place = np.unique(np.concatenate([keys, new]), return_inverse=True)
        counts = np.bincount(place, weights=np.concatenate([counts, times]), minlength=len(keys)).astype(np.int64)
    return keys, counts


def _log_likelihood(both: Int64, a: Int64, b: Int64, n: int) -> NDArray[np.float64]:
    """G² of the 2 x 2 table of orders with and without a and b, [p]."""
    cells = np.stack([both, a - both, b - both, n - a - b + both]).astype(np.float64)
    chance = np.stack([a * b, a * (n - b), b * (n - a), (n - a) * (n - b)]).astype(np.float64) / max(n, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(cells > 0, cells * np.log(cells / chance), 0.0)
    return np.asarray(2.0 * terms.sum(axis=0), dtype=np.float64)
