"""What became of the rows of a batch beside being stored: how many by reason, with a few examples of each."""

from collections import Counter, deque
from dataclasses import dataclass, field

SAMPLES = 20  # examples kept of one reason, the newest


@dataclass(frozen=True, slots=True)
class Sample:
    """One row that was dropped, corrected or marked: the id the shop gave it, and what was wrong or how it changed."""

    reference: str
    value: str


@dataclass(slots=True)
class Tally:
    """Counters of one batch from `source`; `taken` rows were stored, whatever else was noted of them."""

    source: str
    taken: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    samples: dict[str, deque[Sample]] = field(default_factory=dict)

    def note(self, reason: str, reference: str, value: str) -> None:
        """Count one row under `reason`, and keep it as an example."""
        self.rows[reason] += 1
        self.show(reason, reference, value)

    def show(self, reason: str, reference: str, value: str) -> None:
        """Keep an example of `reason` without counting it."""
        self.samples.setdefault(reason, deque(maxlen=SAMPLES)).append(Sample(reference, value))
