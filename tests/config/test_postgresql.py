"""Whether a kept connection is still good is seen without a statement."""

from collections.abc import Iterator

import pytest
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ProgrammingError


@pytest.fixture
def kept(db) -> Iterator[BaseDatabaseWrapper]:
    """A connection like those that web processes keep from one request to the next."""
    other = connections["default"].copy()
    other.connect()
    yield other
    other.close()


def backend(other: BaseDatabaseWrapper) -> int:
    return other.connection.info.backend_pid


def asked_last(pid: int) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT query FROM pg_stat_activity WHERE pid = %s", [pid])
        return cursor.fetchone()[0]


def test_a_good_connection_is_not_asked(kept):
    with kept.cursor() as cursor:
        cursor.execute("SELECT 'before'")
    assert kept.is_usable()
    assert asked_last(backend(kept)) == "SELECT 'before'"


def test_one_that_failed_before_is_asked(kept):
    with pytest.raises(ProgrammingError), kept.cursor() as cursor:
        cursor.execute("SELECT nothing")
    assert kept.errors_occurred
    assert kept.is_usable()
    assert asked_last(backend(kept)) == "SELECT 1"


def test_one_that_the_server_ended_is_not_used_again(kept):
    pid = backend(kept)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        assert cursor.fetchone()[0]
    assert not kept.is_usable()
    kept.health_check_enabled, kept.health_check_done = True, False
    with kept.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert backend(kept) != pid


def test_one_that_was_closed_is_not_usable(kept):
    kept.connection.close()
    assert not kept.is_usable()
    kept.close()
    assert not kept.is_usable()
