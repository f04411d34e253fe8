"""What a customer did, newest first, by day and session; paged by key, so that any page costs the same."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Self

from django.db import connection
from django.db.models import Q
from django.utils import timezone

from users.choices import EventType
from users.models import Event, Order

PAGE = 40  # events
SESSION_GAP = timedelta(minutes=30)

KINDS: dict[str, tuple[EventType, ...]] = {
    "orders": (EventType.PURCHASE, EventType.REFUND),
    "views": (EventType.VIEW, EventType.PAGE, EventType.IMPRESSION),
    "searches": (EventType.SEARCH,),
    "cart": (EventType.ADD_TO_CART, EventType.REMOVE_FROM_CART, EventType.WISHLIST, EventType.CHECKOUT),
    "answers": (
        *(EventType.OPEN, EventType.CLICK, EventType.COUPON, EventType.UNSUBSCRIBE, EventType.RATING),
        *(EventType.BOUNCE, EventType.COMPLAINT),
    ),
}


@dataclass(frozen=True, slots=True)
class Place:
    """The event before which a page begins."""

    occurred_at: datetime
    event_id: int

    def __str__(self) -> str:
        return f"{self.occurred_at.isoformat()}_{self.event_id}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """What `str` made of a place, or None for anything else."""
        time, _, number = text.partition("_")
        try:
            found = cls(datetime.fromisoformat(time), int(number))
        except ValueError:
            return None
        return found if found.occurred_at.tzinfo else None


@dataclass(slots=True)
class Entry:
    """One event, or an order with its lines."""

    event: Event
    order: Order | None = None
    lines: list[Event] = field(default_factory=list)


@dataclass(slots=True)
class Session:
    """Entries without a pause of half an hour, newest first."""

    began_at: datetime
    ended_at: datetime
    entries: list[Entry] = field(default_factory=list)


@dataclass(slots=True)
class Day:
    day: date
    sessions: list[Session] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class TimelinePage:
    """Days, newest first; `next` is where the next page begins, if there is one."""

    days: list[Day]
    next: Place | None


def timeline(*, customer_id: int, kind: str = "", before: Place | None = None) -> TimelinePage:
    """A page of the customer's events, of one of `KINDS` or all; one query. Days are those of the active time zone."""
    events = Event.objects.filter(customer=customer_id).select_related("item", "order")
    if kind in KINDS:
        events = events.filter(type__in=KINDS[kind])
    if before is not None:
        earlier = Q(occurred_at__lt=before.occurred_at) | Q(occurred_at=before.occurred_at, pk__lt=before.event_id)
        events = events.filter(earlier, occurred_at__lte=before.occurred_at)  # the second one prunes partitions
    found = list(events.order_by("-occurred_at", "-id")[: PAGE + 1])
    shown = found[:PAGE]
    return TimelinePage(_days(shown), Place(shown[-1].occurred_at, shown[-1].pk) if len(found) > PAGE else None)


def _days(events: list[Event]) -> list[Day]:
    days: list[Day] = []
    for event in events:
        day = timezone.localtime(event.occurred_at).date()
        if not days or days[-1].day != day:
            days.append(Day(day))
        sessions = days[-1].sessions
        if not sessions or sessions[-1].began_at - event.occurred_at > SESSION_GAP:
            sessions.append(Session(event.occurred_at, event.occurred_at))
        session = sessions[-1]
        session.began_at = event.occurred_at
        if event.order is None:
            session.entries.append(Entry(event))
            continue
        last = session.entries[-1] if session.entries else None
        if last is None or last.order is None or last.order.pk != event.order.pk:
            last = Entry(event, event.order)
            session.entries.append(last)
        last.lines.append(event)
    return days


def activity(*, customer_id: int, time_zone: str, days: int = 365) -> list[list[int]]:
    """Events by weekday (Monday first) and hour of the customer's own time, over the last `days`."""
    grid = [[0] * 24 for _ in range(7)]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT extract(isodow FROM local)::int - 1, extract(hour FROM local)::int, count(*)
            FROM (SELECT occurred_at AT TIME ZONE %s AS local FROM users_event
                  WHERE customer_id = %s AND occurred_at > %s) AS events
            GROUP BY 1, 2
            """,
            [time_zone or timezone.get_default_timezone_name(), customer_id, timezone.now() - timedelta(days=days)],
        )
        for weekday, hour, count in cursor.fetchall():
            grid[weekday][hour] = count
    return grid
