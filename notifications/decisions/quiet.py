"""Quiet hours: a customer's night, by the clocks of the customer's own time zone, or of the shop's.

Clocks jump. An end in the hour that a spring night skips is the same distance after the jump, and one in the hour that
an autumn night has twice is its second time: PostgreSQL reads local times so, and both are never inside the night.
"""

import re
from dataclasses import dataclass
from datetime import time
from functools import cache
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

_FORMAT = re.compile(r"(\d{1,2}:\d{2})\s*[-–]\s*(\d{1,2}:\d{2})")


@dataclass(frozen=True)
class QuietHours:
    """From `start` until just before `end`, over midnight where `end` is the earlier one."""

    start: time
    end: time

    def __str__(self) -> str:
        return f"{self.start:%H:%M}–{self.end:%H:%M}"


def quiet_hours() -> QuietHours | None:
    """The shop's quiet hours; None when it has none. Raises ImproperlyConfigured for a setting nobody can read."""
    text = settings.QUIET_HOURS.strip()
    if not text:
        return None
    try:
        start, end = (time.fromisoformat(part.zfill(5)) for part in _FORMAT.fullmatch(text).groups())  # type: ignore[union-attr]
    except (AttributeError, ValueError) as error:
        raise ImproperlyConfigured(f"QUIET_HOURS is “{text}”; write it like 21:00-08:00, or leave it empty.") from error
    return None if start == end else QuietHours(start, end)


def zone_sql(name: str) -> str:
    """The time zone called as in column `name`, or the shop's where that is none. Binds `quiet_parameters`."""
    if quiet_hours() is None:
        return "''"
    return f"CASE WHEN {name} = ANY(%(time_zones)s) THEN {name} ELSE %(shop_zone)s END"


def awake_sql(*, at: str, zone: str) -> str:
    """The moment `at`, or the end of the night that it falls into by the clocks of `zone`. Binds `quiet_parameters`."""
    if (hours := quiet_hours()) is None:
        return at
    local = f"({at} AT TIME ZONE {zone})"
    end = f"date_trunc('day', {local}) + %(quiet_end)s"
    if hours.start < hours.end:
        is_quiet = f"{local}::time >= %(quiet_start)s AND {local}::time < %(quiet_end)s"
    else:
        is_quiet = f"{local}::time >= %(quiet_start)s OR {local}::time < %(quiet_end)s"
        end += f" + CASE WHEN {local}::time >= %(quiet_start)s THEN interval '1 day' ELSE interval '0' END"
    return f"CASE WHEN {is_quiet} THEN ({end}) AT TIME ZONE {zone} ELSE {at} END"


def quiet_parameters() -> dict[str, Any]:
    """What `zone_sql` and `awake_sql` bind."""
    if (hours := quiet_hours()) is None:
        return {}
    return {
        "quiet_start": hours.start,
        "quiet_end": hours.end,
        "time_zones": _known_zones(),
        "shop_zone": settings.TIME_ZONE,
    }


@cache
def _known_zones() -> list[str]:
    """The zones that this database knows by name; any other name would end the statement with an error."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_timezone_names")
        return [name for (name,) in cursor.fetchall()]
