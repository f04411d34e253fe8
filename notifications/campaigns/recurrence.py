"""When something recurs: a cron expression, or an RRULE (RFC 5545), read as local time of one zone.

A local time that a change of clocks skips or repeats is read as RFC 5545, section 3.3.5, says: what does not exist
counts by the offset before the gap, so 02:30 becomes 03:30; what happens twice means the first time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, datetime, timedelta, timezone, tzinfo
from functools import cache
from heapq import heappop, heappush
from itertools import islice, pairwise
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError
from dateutil.rrule import rrule, rrulestr
from django.utils.translation import gettext as _

# Where on earth a day begins first and last: a local time is over everywhere this long after it has come anywhere.
EARLIEST_ZONE = timezone(timedelta(hours=14))
LATEST_ZONE = timezone(timedelta(hours=-12))

_LONGEST_GAP = timedelta(days=1)  # Samoa left out a whole day
_SHORTEST_PAUSE = timedelta(hours=1)
_LOOKED_AT = 50  # occurrences whose pauses are checked
_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
# The Gregorian calendar repeats every 400 years. Read this much later, a rule that never comes true ends the search at
# the year 9999 soon, which dateutil would look through for half a minute.
_CYCLES = 400 * 19


class RecurrenceError(ValueError):
    """A schedule that cannot be used; the message says what to do."""


@dataclass(frozen=True)
class Recurrence:
    """A schedule in `zone`, from `starts_at` to `ends_at`; `is_local` where it means each customer's local time."""

    text: str
    zone: ZoneInfo
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    is_local: bool = False

    @property
    def clock_zone(self) -> tzinfo:
        """The zone whose clocks say when it begins."""
        return EARLIEST_ZONE if self.is_local else self.zone

    def after(self, moment: datetime) -> Iterator[datetime]:
        """The moments (UTC) after `moment`, in order, each once. Raises RecurrenceError for a faulty schedule.

        In customers' local time they are those at which it begins to be that time anywhere.
        """
        zone = self.clock_zone
        return (each for each in _in_order(self._walls(_wall(moment, zone) - _LONGEST_GAP), zone) if each > moment)

    def next(self, moment: datetime, count: int) -> list[datetime]:
        """The first `count` moments after `moment`."""
        return list(islice(self.after(moment), count))

    def _walls(self, after: datetime) -> Iterator[datetime]:
        """The naive local times after `after`, between start and end."""
        start = _wall(self.starts_at, self.zone) if self.starts_at else None
        end = _wall(self.ends_at, self.zone) if self.ends_at else None
        read = _rrule if "FREQ=" in self.text.upper() else _cron
        for wall in read(self.text.strip(), start, after, self.zone):
            if end is not None and wall > end:
                return
            yield wall


@cache
def known_zones() -> tuple[str, ...]:
    """Every time zone that a customer can have; any other name means the shop's."""
    return tuple(sorted(available_timezones() - {"localtime", "Factory"}))


def to_moment(wall: datetime, zone: tzinfo) -> datetime:
    """The moment (UTC) of a naive local time, by the rule above: `fold=0` is what the RFC means."""
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)


def check_recurrence(recurrence: Recurrence, *, now: datetime) -> None:
    """Raises RecurrenceError when it is malformed, never comes, or comes more often than once an hour."""
    coming = recurrence.next(max(now, recurrence.starts_at or now), _LOOKED_AT)
    if not coming:
        raise RecurrenceError(_("This time never comes, or only after the end. Change the schedule or its end."))
    if any(later - earlier < _SHORTEST_PAUSE for earlier, later in pairwise(coming)):
        raise RecurrenceError(_("This is more often than once an hour. Leave out some of the times."))


def _wall(moment: datetime, zone: tzinfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)


def _in_order(walls: Iterator[datetime], zone: tzinfo) -> Iterator[datetime]:
    """The moments of local times. One in a gap moves behind it, past those that follow, so they wait a day."""
    waiting: list[datetime] = []
    last = None
    for wall in walls:
        heappush(waiting, to_moment(wall, zone))
        while waiting and waiting[0] < to_moment(wall, zone) - _LONGEST_GAP:
            if (moment := heappop(waiting)) != last:
                yield (last := moment)
    while waiting:
        if (moment := heappop(waiting)) != last:
            yield (last := moment)


def _cron(text: str, start: datetime | None, after: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    if not text:
        raise RecurrenceError(_("Say when it repeats, for instance 0 9 * * 1 for Mondays at 09:00."))
    try:
        if len(text.split()) != 5:
            raise CronSimError("Wrong number of fields")
        coming = CronSim(text, max(after, start - timedelta(minutes=1)) if start else after)
    except CronSimError as error:
        raise RecurrenceError(_bad_cron(str(error))) from None
    return coming


def _bad_cron(error: str) -> str:
    names = {
        "Bad minute": _("the minute"),
        "Bad hour": _("the hour"),
        "Bad day-of-month": _("the day of the month"),
        "Bad month": _("the month"),
        "Bad day-of-week": _("the day of the week"),
    }
    if error not in names:
        return _(
            "A cron expression has five fields: minute, hour, day of the month, month, day of the week;"
            " for instance 0 9 * * 1 for Mondays at 09:00."
        )
    return _("In this cron expression %(part)s is not possible.") % {"part": names[error]}


def _rrule(text: str, start: datetime | None, after: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    if start is None:
        raise RecurrenceError(_("An RRULE counts from its start. Fill in when it starts."))
    rule, until = _parse_rrule(text, start, zone)
    shift = _shift(start)
    coming: Iterator[datetime] = rule.xafter(after.replace(year=after.year + shift), inc=False)
    for wall in coming:
        moment = wall.replace(year=wall.year - shift)
        if until is not None and moment > until:
            return
        yield moment


def _shift(start: datetime) -> int:
    return _CYCLES if start.year + _CYCLES < MAXYEAR else 0


def _parse_rrule(text: str, start: datetime, zone: ZoneInfo) -> tuple[rrule, datetime | None]:
    """The rule, shifted by whole cycles, and its end as local time."""
    parts = dict(_parts(text.upper().removeprefix("RRULE:")))
    until = _until(parts.pop("UNTIL", ""), zone)
    if parts.get("FREQ") not in _FREQUENCIES:
        raise RecurrenceError(
            _("FREQ must be one of %(known)s; for every hour write 0 * * * *.") % {"known": ", ".join(_FREQUENCIES)}
        )
    if parts.get("INTERVAL", "1").strip("0") == "":
        raise RecurrenceError(_("INTERVAL must be at least 1."))
    try:
        shifted = start.replace(year=start.year + _shift(start))
        return rrulestr(";".join(f"{key}={value}" for key, value in parts.items()), dtstart=shifted), until
    except (ValueError, TypeError, KeyError) as error:
        raise RecurrenceError(_("This is no RRULE: %(error)s") % {"error": error}) from None


def _parts(text: str) -> Iterator[tuple[str, str]]:
    for part in text.strip().strip(";").split(";"):
        key, equals, value = part.partition("=")
        if not equals or not value or any(character.isspace() for character in part):
            raise RecurrenceError(_("This is no RRULE: %(error)s") % {"error": part})
        yield key, value


def _until(text: str, zone: ZoneInfo) -> datetime | None:
    """The last local time; a date alone means its whole day. Raises RecurrenceError."""
    if not text:
        return None
    try:
        if text.endswith("Z"):
            return _wall(datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC), zone)
        if "T" in text:
            return datetime.strptime(text, "%Y%m%dT%H%M%S")  # noqa: DTZ007 - local time is meant
        return datetime.strptime(text, "%Y%m%d") + timedelta(days=1, microseconds=-1)  # noqa: DTZ007
    except ValueError:
        raise RecurrenceError(_("UNTIL must be a date such as 20260131; or fill in when it ends.")) from None
