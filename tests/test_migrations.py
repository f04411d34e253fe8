from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection


@pytest.mark.django_db
def test_models_and_migrations_agree():
    call_command("makemigrations", check=True, dry_run=True, stdout=StringIO())


@pytest.mark.django_db
def test_events_are_partitioned_by_month_from_the_first_migration():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_partkeydef('users_event'::regclass)")
        assert cursor.fetchone() == ("RANGE (occurred_at)",)
