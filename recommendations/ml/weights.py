"""How much an event of each type counts: a view less than a cart, a cart less than a purchase."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray


def event_weights(types: NDArray[np.int8], type_weights: Mapping[int, float]) -> NDArray[np.float32]:
    """Weight of every event [n] from its type code [n]; a type without an entry counts 1."""
    table = np.ones(256, dtype=np.float32)
    for code, weight in type_weights.items():
        table[code + 128] = weight
    return table[types.astype(np.int64) + 128]
