from datetime import timedelta

import pytest
from django.db import connection

from notifications.segments import count as counting
from notifications.segments.count import CountTooSlowError, count_segment
from tests.factories import CustomerFactory

pytestmark = pytest.mark.django_db
RULE = {"field": "customer.country", "op": "=", "value": "GB"}


def test_it_counts_those_who_match():
    CustomerFactory.create_batch(3, country="GB")
    CustomerFactory(country="FR")
    assert count_segment(RULE) == 3
    assert count_segment(RULE, time_limit=timedelta(seconds=30)) == 3


def test_beyond_its_time_it_stops_and_leaves_the_connection_usable(monkeypatch):
    slow = counting.compile_rule(RULE)
    monkeypatch.setattr(
        counting,
        "compile_rule",
        lambda rule: type(slow)(f"{slow.sql} UNION ALL SELECT 1 FROM pg_sleep(30)", slow.params),
    )
    with pytest.raises(CountTooSlowError):
        count_segment(RULE, time_limit=timedelta(milliseconds=50))
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("0",)
