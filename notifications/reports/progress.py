"""How far a run is, from the states of its messages."""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count
from django.utils import timezone

from notifications.choices import OPEN_RUN_STATUSES, MessageState
from notifications.models import Message, Run


@dataclass(frozen=True)
class RunProgress:
    """`rate` is messages per second since sending began; `left` the time it takes for the rest at this rate."""

    total: int
    states: dict[str, int]
    errors: dict[str, int]
    rate: float
    left: timedelta | None
    is_open: bool

    @property
    def done(self) -> int:
        return self.total - self.waiting

    @property
    def waiting(self) -> int:
        return self.states.get(MessageState.PLANNED, 0) + self.states.get(MessageState.SENDING, 0)

    @property
    def percent(self) -> float:
        return 100 * self.done / self.total if self.total else 0.0


def run_progress(run: Run) -> RunProgress:
    """The progress of `run` now."""
    messages = Message.objects.filter(run=run)
    states: dict[str, int] = dict(messages.values_list("state").annotate(n=Count("pk")))
    troubled = messages.filter(state__in=[MessageState.FAILED, MessageState.UNKNOWN])
    errors: dict[str, int] = dict(troubled.values_list("error_kind").annotate(n=Count("pk")))
    total = sum(states.values())
    waiting = states.get(MessageState.PLANNED, 0) + states.get(MessageState.SENDING, 0)
    seconds = ((run.finished_at or timezone.now()) - run.planned_at).total_seconds() if run.planned_at else 0
    rate = (total - waiting) / seconds if seconds > 0 else 0.0
    return RunProgress(
        total=total,
        states=states,
        errors=errors,
        rate=rate,
        left=timedelta(seconds=round(waiting / rate)) if rate and waiting else None,
        is_open=run.status in OPEN_RUN_STATUSES,
    )
