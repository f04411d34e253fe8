"""What the counters say: losses, corrections and marks of the last days, by reason and by source. Small tables only."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Sum

from users.choices import RuleAction
from users.ingestion.cleaning.rules import Rule, rule_for
from users.ingestion.orders import LINES_OF
from users.models import IntakeCount, QualityCount, QualitySample


@dataclass(frozen=True, slots=True)
class ReasonReport:
    """One reason: how often in all, on each day, and at which sources; and its newest examples."""

    rule: Rule
    rows: int
    by_day: list[int]
    sources: list[tuple[str, int]]
    samples: list[QualitySample]


@dataclass(frozen=True, slots=True)
class SourceReport:
    """One source: rows stored, lost, corrected, marked, and known already."""

    source: str
    taken: int
    rows: Counter[str]

    @property
    def lost_share(self) -> float | None:
        """Share of the new rows that were dropped, from 0 to 1; None where nothing came in."""
        dropped = self.rows[RuleAction.DROPPED]
        return dropped / (dropped + self.taken) if dropped + self.taken else None


@dataclass(frozen=True, slots=True)
class QualityReport:
    """`days` run from the oldest to `today`; reasons and sources come with the largest first."""

    days: list[date]
    reasons: list[ReasonReport]
    sources: list[SourceReport]

    @property
    def total(self) -> SourceReport:
        """All sources together."""
        rows: Counter[str] = Counter()
        for source in self.sources:
            rows.update(source.rows)
        return SourceReport("", sum(source.taken for source in self.sources), rows)


_SHOWN_SAMPLES = 10


def quality_report(*, today: date, days: int = 30) -> QualityReport:
    """Read the counters of the `days` up to `today` (UTC)."""
    first = today - timedelta(days=days - 1)
    axis = [first + timedelta(days=number) for number in range(days)]
    by_day: dict[str, Counter[date]] = {}
    by_source: dict[str, Counter[str]] = {}
    actions: dict[str, Counter[str]] = {}
    counts = QualityCount.objects.filter(day__gte=first, day__lte=today)
    for day, counted_for, reason, rows in counts.values_list("day", "source", "reason", "rows"):
        source = counted_for.removesuffix(LINES_OF)
        by_day.setdefault(reason, Counter())[day] += rows
        by_source.setdefault(reason, Counter())[source] += rows
        actions.setdefault(source, Counter())[rule_for(reason).action] += rows
    taken: Counter[str] = Counter()
    intake = IntakeCount.objects.filter(day__gte=first, day__lte=today)
    for source, rows in intake.values_list("source").annotate(stored=Sum("rows")):
        taken[source.removesuffix(LINES_OF)] += rows
    samples: dict[str, list[QualitySample]] = {}
    for sample in QualitySample.objects.filter(day__gte=first, day__lte=today).order_by("-noted_at", "-id"):
        kept = samples.setdefault(sample.reason, [])
        if len(kept) < _SHOWN_SAMPLES:
            kept.append(sample)
    reasons = [
        ReasonReport(
            rule=rule_for(reason),
            rows=found.total(),
            by_day=[found[day] for day in axis],
            sources=by_source[reason].most_common(5),
            samples=samples.get(reason, []),
        )
        for reason, found in by_day.items()
    ]
    sources = [
        SourceReport(source, taken[source], actions.get(source, Counter())) for source in sorted({*taken, *actions})
    ]
    reasons.sort(key=lambda report: -report.rows)
    sources.sort(key=lambda report: -(report.taken + report.rows.total()))
    return QualityReport(axis, reasons, sources)
