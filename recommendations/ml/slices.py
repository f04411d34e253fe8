"""Parts of the judged customers and items that a mean over all would hide."""

import numpy as np
from numpy.typing import NDArray

from recommendations.ml.interactions import Interactions
from recommendations.ml.splits import HeldOut

NEW_EVENTS = 4  # a customer with at most so many events is new
COLD_EVENTS = 4  # an item with at most so many events is cold
HEAVY_SHARE = 0.2  # of the customers who are not new: those with the longest histories
HEAD_SHARE = 0.5  # of all events: what the most frequent items hold together

CUSTOMER_SLICES = ("new", "light", "heavy")
ITEM_SLICES = ("cold", "head", "tail")


def customer_slices(held_out: HeldOut) -> dict[str, NDArray[np.bool_]]:
    """Which judged customers [m] are new, light or heavy, by the length of their histories; each is one of them."""
    lengths = held_out.histories.lengths
    new = lengths <= NEW_EVENTS
    bound = np.quantile(lengths[~new], 1 - HEAVY_SHARE) if (~new).any() else 0.0
    heavy = ~new & (lengths > bound)
    return {"new": new, "light": ~new & ~heavy, "heavy": heavy}


def item_slices(before: Interactions) -> dict[str, NDArray[np.bool_]]:
    """Which items [n_items] are cold, head or tail, by their events in what the model was fitted on; each is one."""
    counts = np.bincount(before.item, minlength=before.n_items)
    order = np.argsort(-counts, kind="stable")
    reached = np.cumsum(counts[order]) - counts[order] < HEAD_SHARE * counts.sum()
    head = np.zeros(before.n_items, dtype=np.bool_)
    head[order[reached]] = True
    cold = (counts <= COLD_EVENTS) & ~head
    return {"cold": cold, "head": head, "tail": ~cold & ~head}
