"""What kind of data a model is fitted on; found by looking, so that nobody has to say."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from recommendations.ml.interactions import Interactions

HOUR = 3600


@dataclass(frozen=True)
class Traits:
    """baskets: events of a customer at one time are one moment. clock: times are times, not positions in a line.
    repeats: customers come back to items they had."""

    baskets: bool = False
    clock: bool = False
    repeats: bool = False

    @classmethod
    def of(cls, interactions: Interactions, *, baskets: bool) -> Self:
        """Look at the data."""
        if not len(interactions):
            return cls(baskets=baskets)
        pairs = interactions.customer.astype(np.int64) * interactions.n_items + interactions.item
        span = int(interactions.time.max() - interactions.time.min())
        longest = int(interactions.histories.lengths.max())
        # Positions are all different within a line and span no more than its length; so short a clock would be idle.
        return cls(baskets=baskets, clock=span > max(HOUR, longest), repeats=len(np.unique(pairs)) < len(pairs))
