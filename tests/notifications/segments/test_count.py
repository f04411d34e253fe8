from datetime import timedelta

import pytest
from django.db import connection

from notifications.segments.count import CountTooSlowError, count_segment, leaves_nobody_out, sample_members, within
from tests.factories import CustomerFactory
from users.models import Customer

pytestmark = pytest.mark.django_db
RULE = {"field": "customer.country", "op": "=", "value": "GB"}


def test_it_counts_those_who_match():
    CustomerFactory.create_batch(3, country="GB")
    CustomerFactory(country="FR")
    assert count_segment(RULE) == 3
    assert count_segment(RULE, time_limit=timedelta(seconds=30)) == 3


def test_beyond_its_time_it_stops_and_leaves_the_connection_usable():
    with pytest.raises(CountTooSlowError), within(timedelta(milliseconds=50)), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(30)")
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("0",)


def test_it_knows_whether_everyone_matches():
    british = CustomerFactory.create_batch(2, country="GB")
    assert leaves_nobody_out(RULE, count=2)
    Customer.objects.filter(pk=CustomerFactory(country="FR").pk).update(merged_into=british[0])
    assert leaves_nobody_out(RULE, count=2)
    CustomerFactory(country="FR")
    assert not leaves_nobody_out(RULE, count=2)
    assert not leaves_nobody_out({"not": RULE}, count=1)


def test_an_empty_audience_is_not_everyone():
    assert not leaves_nobody_out(RULE, count=0)


def test_a_sample_has_different_members_of_the_segment():
    members = {customer.pk for customer in CustomerFactory.create_batch(5, country="GB")}
    CustomerFactory(country="FR")
    sample = sample_members(RULE, size=3)
    assert len(set(sample)) == 3
    assert set(sample) <= members
    assert set(sample_members(RULE, size=100)) == members
