"""Raw ids as positions among the distinct ones."""

import numpy as np
from numpy.typing import NDArray

from recommendations.ml.ragged import Int64

_SPARSE = 8  # ids that span more than this many times their number are sorted instead of counted


def encode(ids: NDArray[np.number]) -> tuple[Int64, NDArray[np.int32]]:
    """The distinct ids, ascending, int64 [m], and the position of each id among them, int32 [n].

    In linear time where the ids are dense, as those of a database are.
    """
    whole = ids.astype(np.int64, copy=False)
    low, high = (int(whole.min()), int(whole.max())) if len(whole) else (0, -1)
    if high - low > _SPARSE * len(whole):
        distinct, position = np.unique(whole, return_inverse=True)
        return distinct, position.astype(np.int32)
    seen = np.zeros(high - low + 1, dtype=np.bool_)
    seen[whole - low] = True
    return np.flatnonzero(seen) + low, (np.cumsum(seen, dtype=np.int32) - 1)[whole - low]
