"""How fast a sender may grow: mailboxes distrust one that sends far more than it used to."""

from collections.abc import Sequence
from dataclasses import dataclass

FIRST_DAY = 500  # mails that a sender without any history may begin with
GROWTH = 1.5  # a day over the busiest of the last days; doubling every day is what providers advise against
WINDOW = 7  # days whose busiest counts
SHOWN = 14  # days of the schedule
SETTLED = 200_000  # mails a day above which growth is nothing to plan


@dataclass(frozen=True, slots=True)
class WarmUp:
    """Today's advice. `schedule` is what each of the next days may carry, beginning with today, if each is used."""

    busiest: int
    today: int
    is_over: bool
    schedule: tuple[int, ...]


def warm_up(sent_by_day: Sequence[int]) -> WarmUp:
    """From the mails of the last days, the last entry being today."""
    busiest = max(sent_by_day[-WINDOW - 1 : -1], default=0)
    limit = max(FIRST_DAY, busiest)
    schedule: list[int] = []
    while len(schedule) < SHOWN and limit < SETTLED:
        limit = _rounded(limit * GROWTH) if busiest or schedule else FIRST_DAY
        schedule.append(limit)
    allowed = schedule[0] if schedule else SETTLED
    return WarmUp(busiest, allowed, bool(sent_by_day) and bool(schedule) and sent_by_day[-1] > allowed, tuple(schedule))


def _rounded(mails: float) -> int:
    """To two leading digits, because nobody counts more exactly."""
    step = 10 ** max(0, len(str(int(mails))) - 2)
    return int(mails // step * step)
