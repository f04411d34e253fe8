from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from notifications.decisions.quiet import awake_sql, quiet_hours, quiet_parameters, zone_sql

pytestmark = pytest.mark.django_db


def awake(moment: datetime, zone: str) -> datetime:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {awake_sql(at='%(at)s::timestamptz', zone='clock.zone')}"
            f" FROM (SELECT {zone_sql('given.name')} AS zone FROM (SELECT %(zone)s AS name) AS given) AS clock",
            {**quiet_parameters(), "at": moment, "zone": zone},
        )
        return cursor.fetchone()[0]


def local(zone: str, text: str, *, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Berlin", "Asia/Shanghai"])
@pytest.mark.parametrize(
    ("at", "then"),
    [
        ("2026-06-10 20:59", "2026-06-10 20:59"),
        ("2026-06-10 21:00", "2026-06-11 08:00"),
        ("2026-06-10 23:59", "2026-06-11 08:00"),
        ("2026-06-11 00:00", "2026-06-11 08:00"),
        ("2026-06-11 07:59", "2026-06-11 08:00"),
        ("2026-06-11 08:00", "2026-06-11 08:00"),
        ("2026-12-31 22:00", "2027-01-01 08:00"),
        ("2028-02-28 22:00", "2028-02-29 08:00"),
        ("2028-02-29 22:00", "2028-03-01 08:00"),
    ],
)
def test_a_night_ends_by_the_customers_own_clock(settings, zone, at, then):
    settings.QUIET_HOURS = "21:00-08:00"
    assert awake(local(zone, at), zone) == local(zone, then)


@pytest.mark.parametrize(
    ("zone", "night"),
    [
        ("America/New_York", "2026-03-07"),
        ("America/New_York", "2026-10-31"),
        ("Europe/Berlin", "2026-03-28"),
        ("Europe/Berlin", "2026-10-24"),
        ("Australia/Lord_Howe", "2026-10-03"),  # half an hour
        ("Australia/Lord_Howe", "2026-04-04"),
    ],
)
@pytest.mark.parametrize("hours", ["21:00-08:00", "22:30-02:30", "23:00-01:45"])
def test_every_minute_of_a_night_with_a_change_of_clocks(settings, zone, night, hours):
    """No minute is sent at a quiet hour of the clock on the wall, none is moved back, and none beyond the next day."""
    settings.QUIET_HOURS = hours
    start, end = (time.fromisoformat(text) for text in hours.split("-"))
    evening = local(zone, f"{night} 18:00")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT minute, {awake_sql(at='minute', zone='%(zone)s')}"
            " FROM generate_series(%(from)s::timestamptz, %(to)s::timestamptz, interval '7 minutes') AS minute",
            {**quiet_parameters(), "zone": zone, "from": evening, "to": evening + timedelta(hours=18)},
        )
        found = cursor.fetchall()
    assert len(found) > 150
    for minute, moved in found:
        on_the_wall = minute.astimezone(ZoneInfo(zone)).time()
        if on_the_wall >= start or on_the_wall < end:
            wall_after = moved.astimezone(ZoneInfo(zone))
            assert minute < moved < minute + timedelta(hours=14)
            assert end <= wall_after.time() <= (datetime.combine(wall_after, end) + timedelta(hours=1)).time()
        else:
            assert moved == minute


def test_quiet_hours_within_a_day(settings):
    settings.QUIET_HOURS = "12:00-14:00"
    assert awake(local("Europe/Berlin", "2026-06-10 12:30"), "Europe/Berlin") == local(
        "Europe/Berlin", "2026-06-10 14:00"
    )
    assert awake(local("Europe/Berlin", "2026-06-10 23:30"), "Europe/Berlin") == local(
        "Europe/Berlin", "2026-06-10 23:30"
    )


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "'; DROP TABLE users_customer; --"])
def test_a_zone_that_is_none_falls_back_to_the_shops(settings, zone):
    settings.QUIET_HOURS = "21:00-08:00"
    settings.TIME_ZONE = "Asia/Shanghai"
    assert awake(local("Asia/Shanghai", "2026-06-10 22:00"), zone) == local("Asia/Shanghai", "2026-06-11 08:00")


def test_no_quiet_hours_and_unreadable_ones(settings):
    settings.QUIET_HOURS = ""
    assert quiet_hours() is None
    moment = datetime(2026, 6, 10, 3, tzinfo=UTC)
    assert awake(moment, "UTC") == moment
    settings.QUIET_HOURS = "9:00 – 17:30"
    assert str(quiet_hours()) == "09:00–17:30"
    for text in ("at night", "25:00-08:00", "21:00"):
        settings.QUIET_HOURS = text
        with pytest.raises(ImproperlyConfigured, match="write it like 21:00-08:00"):
            quiet_hours()
