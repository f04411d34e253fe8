from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from threading import Barrier

import pytest
from django.db import connection, connections

from users.ingestion import EventInput, ingest_events, partitions
from users.ingestion.partitions import make_partitions, make_partitions_ahead, next_month, partition_name
from users.models import Event

OLD = [date(1990, 1, 1), date(1999, 12, 1), date(2000, 1, 1), date(2087, 12, 1)]


@pytest.fixture
def events_table(transactional_db):
    """What these tests make is committed, so it is dropped again."""
    made = partitions._made.copy()
    yield
    with connection.cursor() as cursor:
        for month in OLD:
            cursor.execute(f"DROP TABLE IF EXISTS {partition_name(month)}")
    partitions._made.clear()
    partitions._made.update(made)


def test_partitions_are_made_ahead_across_the_new_year(db):
    wanted = [date(2091, 11, 1), date(2091, 12, 1), date(2092, 1, 1), date(2092, 2, 1)]
    now = datetime(2091, 11, 30, 23, 59, tzinfo=UTC)
    assert make_partitions_ahead(now=now, months=3) == [partition_name(month) for month in wanted]
    assert make_partitions_ahead(now=now, months=3) == []
    assert next_month(wanted[1]) == wanted[2]


def test_a_partition_is_indexed_like_the_whole(db):
    make_partitions([date(2093, 5, 1)])
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE tablename = 'users_event_y2093m05' ORDER BY indexname")
        found = " ".join(definition for (definition,) in cursor.fetchall())
    assert "(customer_id, occurred_at, id)" in found
    assert "(type, occurred_at) INCLUDE (customer_id, item_id)" in found


def test_events_of_the_last_second_and_the_first_of_a_month_find_their_partitions(db):
    times = [datetime(1999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), datetime(2000, 1, 1, tzinfo=UTC)]
    result = ingest_events(
        events=[EventInput(str(number), "search", time, "c") for number, time in enumerate(times)], source="test"
    )
    assert result.accepted == 2
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM users_event ORDER BY occurred_at")
        assert cursor.fetchall() == [("users_event_y1999m12",), ("users_event_y2000m01",)]


def test_makers_at_the_same_time_make_each_partition_once(events_table):
    barrier = Barrier(4)

    def make(_number: int) -> list[str]:
        barrier.wait()
        try:
            return make_partitions(OLD)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        made = [name for names in pool.map(make, range(4)) for name in names]
    assert sorted(made) == sorted(partition_name(month) for month in OLD)


def test_a_new_month_does_not_wait_for_those_who_read_and_write_events(events_table):
    make_partitions([OLD[0]])
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT count(*) FROM users_event")
            cursor.execute("UPDATE users_event SET value = 1 WHERE FALSE")
            with connection.cursor() as mine:
                mine.execute("SET lock_timeout = '5s'")
                assert make_partitions(OLD) == [partition_name(month) for month in OLD[1:]]
                mine.execute("RESET lock_timeout")
            cursor.execute("ROLLBACK")
    finally:
        other.close()
    assert not Event.objects.exists()
