"""The part of the scoring job that foretells what customers will do, whatever with."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommendations.ml.files import write_arrays
from recommendations.ml.interactions import Interactions
from recommendations.ml.job_config import ScoreConfig
from recommendations.ml.propensity import Outcome, foretell

Emit = Callable[..., None]
CHURN = "churn"


def write_predictions(directory: Path, interactions: Interactions, config: ScoreConfig, emit: Emit) -> None:
    """Write `predictions.npz`: customer_ids int64 [n], and by outcome float32 [n], NaN where nothing can be said yet.

    Emits one line of quality for every outcome that could be learned.
    """
    kinds = tuple(
        Outcome(name, tuple(types), config.outlook_days) for name, types in sorted(config.outcome_types.items())
    )
    anything = Outcome("anything", (), config.outlook_days)
    churn = Outcome(CHURN, (), config.churn_days, absent=True)
    arrays: dict[str, NDArray[Any]] = {"customer_ids": interactions.customer_ids}
    for outcome in (*kinds, churn):
        found = foretell(interactions, outcome, (*kinds, anything), seed=1)
        if found is None:
            arrays[outcome.name] = np.full(interactions.n_customers, np.nan, dtype=np.float32)
            continue
        arrays[outcome.name] = found.probability.astype(np.float32)
        emit("foretold", outcome=outcome.name, **found.quality)
    write_arrays(directory / "predictions.npz", arrays)
