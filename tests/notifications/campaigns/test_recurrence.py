"""Times by the clocks of real places: across both changes of clocks, over a leap day, and never impossible."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from notifications.campaigns.recurrence import Recurrence, RecurrenceError, check_recurrence


def times(text, zone, after, count=3, **options):
    place = ZoneInfo(zone)
    moment = datetime.fromisoformat(after).replace(tzinfo=place)
    return [each.astimezone(place).isoformat() for each in Recurrence(text, place, **options).next(moment, count)]


@pytest.mark.parametrize(
    ("zone", "after", "expected"),
    [
        ("Europe/Berlin", "2026-03-27T12:00", ["2026-03-28T09:00:00+01:00", "2026-03-29T09:00:00+02:00"]),
        ("Europe/Berlin", "2026-10-23T12:00", ["2026-10-24T09:00:00+02:00", "2026-10-25T09:00:00+01:00"]),
        ("America/New_York", "2026-03-06T12:00", ["2026-03-07T09:00:00-05:00", "2026-03-08T09:00:00-04:00"]),
        ("America/New_York", "2026-10-30T12:00", ["2026-10-31T09:00:00-04:00", "2026-11-01T09:00:00-05:00"]),
        ("Australia/Lord_Howe", "2026-04-03T12:00", ["2026-04-04T09:00:00+11:00", "2026-04-05T09:00:00+10:30"]),
        ("Australia/Lord_Howe", "2026-10-02T12:00", ["2026-10-03T09:00:00+10:30", "2026-10-04T09:00:00+11:00"]),
    ],
)
@pytest.mark.parametrize("text", ["0 9 * * *", "FREQ=DAILY"])
def test_nine_o_clock_stays_nine_o_clock(text, zone, after, expected):
    start = datetime(2026, 1, 1, 9, tzinfo=ZoneInfo(zone))
    assert times(text, zone, after, 2, starts_at=start) == expected


BERLIN, NEW_YORK, LORD_HOWE = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"


@pytest.mark.parametrize(
    ("zone", "text", "after", "first", "second"),
    [
        # What does not exist counts by the offset before: 02:30 becomes 03:30.
        (BERLIN, "30 2 * * *", "2026-03-28T12:00", "2026-03-29T03:30:00+02:00", "2026-03-30T02:30:00+02:00"),
        (NEW_YORK, "30 2 * * *", "2026-03-07T12:00", "2026-03-08T03:30:00-04:00", "2026-03-09T02:30:00-04:00"),
        (LORD_HOWE, "15 2 * * *", "2026-10-03T12:00", "2026-10-04T02:45:00+11:00", "2026-10-05T02:15:00+11:00"),
        # What happens twice means the first time, and only that.
        (BERLIN, "30 2 * * *", "2026-10-24T12:00", "2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"),
        (NEW_YORK, "30 1 * * *", "2026-10-31T12:00", "2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"),
        (LORD_HOWE, "45 1 * * *", "2026-04-04T12:00", "2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"),
        # Samoa had no 30 December 2011.
        ("Pacific/Apia", "0 9 * * *", "2011-12-29T10:00", "2011-12-31T09:00:00+14:00", "2012-01-01T09:00:00+14:00"),
    ],
)
def test_times_that_do_not_exist_or_occur_twice(zone, text, after, first, second):
    assert times(text, zone, after, 2) == [first, second]


def test_a_time_moved_out_of_a_gap_keeps_its_place_among_the_others():
    found = times("30 2,3 * * *", "Europe/Berlin", "2026-03-29T00:00", 2)
    assert found == ["2026-03-29T03:30:00+02:00", "2026-03-30T02:30:00+02:00"]
    found = times("45 2 29 3 *", "Europe/Berlin", "2026-03-29T00:00", 1)
    hourly = times("0 * * * *", "Europe/Berlin", "2026-03-29T00:30", 3)
    assert found == ["2026-03-29T03:45:00+02:00"]
    assert hourly == ["2026-03-29T01:00:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-29T04:00:00+02:00"]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Shanghai"])
@pytest.mark.parametrize(
    ("text", "after", "expected"),
    [
        ("0 9 29 2 *", "2026-01-01T00:00", ["2028-02-29", "2032-02-29", "2036-02-29"]),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "2026-01-01T00:00", ["2028-02-29", "2032-02-29", "2036-02-29"]),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", "2028-01-15T00:00", ["2028-01-31", "2028-02-29", "2028-03-31"]),
        ("0 9 L * *", "2027-01-15T00:00", ["2027-01-31", "2027-02-28", "2027-03-31"]),
        ("0 9 * * *", "2028-02-27T10:00", ["2028-02-28", "2028-02-29", "2028-03-01"]),
        ("0 9 * * *", "2026-02-27T10:00", ["2026-02-28", "2026-03-01", "2026-03-02"]),
    ],
)
def test_leap_days_come_and_stay_away(text, after, expected, zone):
    start = datetime(2024, 1, 1, 9, tzinfo=ZoneInfo(zone))
    assert [found[:10] for found in times(text, zone, after, starts_at=start)] == expected


def test_every_moment_comes_once_and_in_order_through_a_whole_year():
    for zone in ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe"):
        after = datetime(2026, 1, 1, tzinfo=UTC)
        found = Recurrence("0 * * * *", ZoneInfo(zone)).next(after, 365 * 24 - 2)
        assert found == sorted(set(found))
        assert {later - earlier for earlier, later in pairwise(found)} <= {
            timedelta(minutes=minutes) for minutes in (60, 30, 90, 120)
        }


def test_customers_local_time_begins_where_the_day_begins_and_ends():
    london = ZoneInfo("Europe/London")
    recurrence = Recurrence(
        "0 9 * * *", london, datetime(2026, 3, 12, tzinfo=london), datetime(2026, 3, 13, 12, tzinfo=london), True
    )
    assert recurrence.next(datetime(2026, 3, 1, tzinfo=UTC), 9) == [
        datetime(2026, 3, 11, 19, tzinfo=UTC),
        datetime(2026, 3, 12, 19, tzinfo=UTC),
    ]


def test_a_rule_counts_from_its_start_and_to_its_end():
    london = ZoneInfo("Europe/London")
    start = datetime(2026, 1, 5, 9, tzinfo=london)
    every_other = times("RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO", "Europe/London", "2026-03-20T00:00", starts_at=start)
    assert [found[:10] for found in every_other] == ["2026-03-30", "2026-04-13", "2026-04-27"]
    for until in ("20260107", "20260107T090000", "20260107T090000Z"):
        assert len(times(f"FREQ=DAILY;UNTIL={until}", "Europe/London", "2026-01-01T00:00", 9, starts_at=start)) == 3
    assert len(times("FREQ=DAILY;COUNT=2", "Europe/London", "2026-01-01T00:00", 9, starts_at=start)) == 2


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "Say when it repeats"),
        ("* * * *", "five fields"),
        ("0 0 0 9 * *", "five fields"),
        ("0 25 * * *", "the hour"),
        ("0 9 30 2 *", "the day of the month"),
        ("0 9 * * 8", "the day of the week"),
        ("*/5 * * * *", "more often than once an hour"),
        ("FREQ=HOURLY", "FREQ must be one of"),
        ("FREQ=WEEKLY;BYDAY=XX", "This is no RRULE"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL"),
        ("FREQ=DAILY;UNTIL=soon", "UNTIL"),
        ("FREQ=DAILY;UNTIL=20200101", "never comes"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "never comes"),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "never comes"),
        ("FREQ=DAILY;BYHOUR=9;BYMINUTE=0,30", "more often than once an hour"),
        ("FREQ=DAILY; BYHOUR=9", "This is no RRULE"),
    ],
)
def test_what_cannot_be_is_refused_with_the_way_out(text, sentence):
    now = datetime(2026, 3, 1, tzinfo=UTC)
    recurrence = Recurrence(text, ZoneInfo("Europe/Berlin"), now)
    with pytest.raises(RecurrenceError, match=sentence):
        check_recurrence(recurrence, now=now)


def test_a_rule_without_a_start_and_a_schedule_after_its_end_are_refused():
    now = datetime(2026, 3, 1, tzinfo=UTC)
    with pytest.raises(RecurrenceError, match="Fill in when it starts"):
        check_recurrence(Recurrence("FREQ=DAILY", ZoneInfo("UTC")), now=now)
    ended = Recurrence("0 9 24 12 *", ZoneInfo("UTC"), None, datetime(2026, 12, 1, tzinfo=UTC))
    with pytest.raises(RecurrenceError, match="only after the end"):
        check_recurrence(ended, now=now)
