"""How far a run is, from the states of its messages."""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from notifications.choices import OPEN_RUN_STATUSES, MessageState
from notifications.delivery.breaker import resting
from notifications.models import Message, Run

RECENT = timedelta(seconds=30)


@dataclass(frozen=True)
class RunProgress:
    """`rate` is messages a second: over the last half minute while it sends, else over the whole run.

    `left` is the time it takes for the rest at this rate, `delayed` the planned messages that were put off or are tried
    again, by kind, `rests` for how many seconds the channel takes nothing.
    """

    total: int
    states: dict[str, int]
    errors: dict[str, int]
    delayed: dict[str, int]
    rate: float
    left: timedelta | None
    rests: float
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
    now, is_open = timezone.now(), run.status in OPEN_RUN_STATUSES
    messages = Message.objects.filter(run=run)
    counted = messages.values_list("state").annotate(n=Count("pk"), recent=Count("pk", Q(sent_at__gte=now - RECENT)))
    found = list(counted.values_list("state", "n", "recent"))
    states = {state: count for state, count, _recent in found}
    total = sum(states.values())
    waiting = states.get(MessageState.PLANNED, 0) + states.get(MessageState.SENDING, 0)
    seconds = ((run.finished_at or now) - run.planned_at).total_seconds() if run.planned_at else 0
    recent = sum(count for _state, _count, count in found) if is_open else 0
    whole = (total - waiting) / seconds if seconds > 0 else 0.0
    rate = recent / RECENT.total_seconds() if recent and seconds > RECENT.total_seconds() else whole
    channel = run.campaign.channel
    return RunProgress(
        total=total,
        states=states,
        errors=_kinds(messages.filter(state__in=[MessageState.FAILED, MessageState.UNKNOWN])),
        delayed=_kinds(messages.filter(state=MessageState.PLANNED).exclude(error_kind="")) if is_open else {},
        rate=rate,
        left=timedelta(seconds=round(waiting / rate)) if rate and waiting and is_open else None,
        rests=resting([channel]).get(channel, 0.0) if is_open and waiting else 0.0,
        is_open=is_open,
    )


def _kinds(messages: QuerySet[Message]) -> dict[str, int]:
    """How many there are of each kind of error, the most frequent first."""
    return dict(messages.values_list("error_kind").annotate(n=Count("pk")).order_by("-n", "error_kind"))
