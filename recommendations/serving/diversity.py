"""A list whose items are not all of a kind."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recommendations.serving.shown import Shown

SAME_CATEGORY, SAME_BRAND = 0.6, 0.4  # likeness of two items that share one


def diversify(items: Sequence[Shown], relevance: Sequence[float], *, diversity: float, count: int) -> list[int]:
    """Positions of `count` of the items, in the order to be shown.

    Maximal marginal relevance (Carbonell and Goldstein, 1998): the next item has the largest
    (1 - diversity) relevance - diversity x likeness to the most alike item shown already; relevance is divided by its
    largest value.
    """
    count = min(count, len(items))
    value = np.asarray(relevance, dtype=np.float64)
    value = (1.0 - diversity) * value / max(value.max(initial=0.0), 1e-12)
    alike = _likeness(items)
    closest = np.zeros(len(items))
    chosen: list[int] = []
    for _ in range(count):
        best = int(np.argmax(value - diversity * closest))
        chosen.append(best)
        value[best] = -np.inf
        closest = np.maximum(closest, alike[best])
    return chosen


def _likeness(items: Sequence[Shown]) -> NDArray[np.float64]:
    """From 0 to 1: [n, n]; items without category or brand are like no other."""
    categories = np.array([item.category_id or -1 - place for place, item in enumerate(items)])
    names = {brand: code for code, brand in enumerate({item.brand for item in items if item.brand})}
    brands = np.array([names.get(item.brand, -1 - place) for place, item in enumerate(items)])
    same_category = categories[:, None] == categories
    same_brand = brands[:, None] == brands
    return np.asarray(SAME_CATEGORY * same_category + SAME_BRAND * same_brand, dtype=np.float64)
