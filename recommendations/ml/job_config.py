"""The options of the jobs, as they stand in `config.json`."""

import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Self

from recommendations.ml.errors import ConfigError
from recommendations.ml.precision import FLOAT32, check_precision


@dataclass(frozen=True)
class JobConfig:
    """Options read from `config.json`. Raises ConfigError for unknown, missing or ill-typed ones."""

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the options of a job."""
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ConfigError(f"{path}: no such file") from None
        except (OSError, ValueError) as error:
            raise ConfigError(f"{path}: not readable JSON: {error}") from None
        if not isinstance(values, Mapping):
            raise ConfigError(f"{path}: expected a JSON object")
        known = {entry.name: entry for entry in fields(cls)}
        if unknown := sorted(set(values) - set(known)):
            raise ConfigError(f"{path}: unknown option {', '.join(unknown)}")
        for name, entry in known.items():
            if entry.default is MISSING and entry.default_factory is MISSING and name not in values:
                raise ConfigError(f"{path}: option {name} is missing")
        config = cls(**values)
        config.check(path)
        return config

    def check(self, path: Path) -> None:
        """Raise ConfigError for values that make no sense."""


@dataclass(frozen=True)
class TrainConfig(JobConfig):
    """exclude_seen: whether a recommendation of something already had counts for nothing when judging.

    precision: of the stored artefacts; what that costs is measured.
    memory_budget: megabytes that the process may hold, None = all there are; batches shrink to stay within.
    outcome_types: codes of the events whose probabilities are learned, by a name.
    text_encoder: name of a sentence-transformers model for the items' texts; empty = hashed n-grams.
    time_budget: seconds for all architectures together, judging included; None = until it stops paying.
    """

    architecture: str
    baselines: list[str] = field(default_factory=list)
    split: str = "leave_last_order_out"
    seed: int = 1
    device: str = "auto"
    time_budget: float | None = None
    exclude_seen: bool = False
    type_weights: dict[str, float] = field(default_factory=dict)
    text_encoder: str = ""
    outcome_types: dict[str, list[int]] = field(default_factory=dict)
    memory_budget: float | None = None
    precision: str = FLOAT32

    def check(self, path: Path) -> None:
        check_precision(self.precision)
        if self.memory_budget is not None and not self.memory_budget > 0:
            raise ConfigError(f"{path}: memory_budget must be positive")
        if self.time_budget is not None and not self.time_budget > 0:
            raise ConfigError(f"{path}: time_budget must be positive")
        if not isinstance(self.baselines, list):
            raise ConfigError(f"{path}: baselines must be a list of names")
        for code, weight in self.type_weights.items():
            if not (code.lstrip("-").isdigit() and -128 <= int(code) <= 127 and weight >= 0):
                raise ConfigError(f"{path}: type_weights maps type codes to weights >= 0, found {code!r}: {weight!r}")


@dataclass(frozen=True)
class ScoreConfig(JobConfig):
    """artefact: path within DIR. allowed_items: raw ids that may be recommended, None = all.

    had_types: codes of the events that make an item one the customer has had. new_share: the share of the k places
    that is kept for items not had. reasons: how many recommendations get one, of all and of those not had.
    type_weights: how much an event of each type says about which items are alike. links: whether that is found out;
    it takes the events of all customers. recommendations: whether any are made; without, only what goes with items and
    what lies ahead of customers is found out.
    outcome_types: the codes of the events that a foretold outcome consists of, by its name; empty = nothing is
    foretold. outlook_days, churn_days: how far ahead it is looked, and how long a silence counts as leaving.
    """

    artefact: str
    k: int = 50
    exclude_seen: bool = False
    allowed_items: list[int] | None = None
    had_types: list[int] = field(default_factory=list)
    new_share: float = 0.0
    reasons: int = 3
    links: bool = True
    recommendations: bool = True
    type_weights: dict[str, float] = field(default_factory=dict)
    device: str = "auto"
    outcome_types: dict[str, list[int]] = field(default_factory=dict)
    outlook_days: float = 30.0
    churn_days: float = 90.0

    def check(self, path: Path) -> None:
        if not 0 <= self.new_share <= 1:
            raise ConfigError(f"{path}: new_share must lie between 0 and 1")
        if self.k < 1 or self.reasons < 0:
            raise ConfigError(f"{path}: k must be at least 1 and reasons at least 0")
        if not (self.outlook_days > 0 and self.churn_days > 0):
            raise ConfigError(f"{path}: outlook_days and churn_days must be positive")
