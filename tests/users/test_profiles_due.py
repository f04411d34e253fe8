"""Marks of due profiles are neither lost nor waited for, whoever commits when."""

from datetime import UTC, datetime
from threading import Thread

import pytest
from django.db import connection, connections, transaction

from tests.factories import CustomerFactory
from users.ingestion import EventInput, ingest_events
from users.models import Customer, Event, EventKey, Profile, ProfileDue
from users.profiles import refresh_due_profiles, refresh_profiles

THEN = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def committed(transactional_db):
    """The events table has no foreign keys, so a flush of the others leaves it."""
    yield
    Event.objects.all().delete()
    EventKey.objects.all().delete()
    ProfileDue.objects.all().delete()


def search(message_id: str, customer: str = "c") -> EventInput:
    return EventInput(message_id, "search", THEN, customer)


def in_thread(work) -> None:
    def run() -> None:
        try:
            work()
        finally:
            connections.close_all()

    thread = Thread(target=run)
    thread.start()
    thread.join(20)
    assert not thread.is_alive(), "the refresh waits for a writer"


def counts() -> dict[str, int]:
    return dict(Profile.objects.values_list("customer__external_id", "event_count"))


def test_a_transaction_that_commits_late_is_refreshed_the_next_time(committed):
    ingest_events(events=[search("1"), search("2", "d")], source="test")
    refresh_due_profiles()
    with transaction.atomic():
        ingest_events(events=[search("3")], source="test")
        ingest_events(events=[search("4", "d")], source="test")  # received after the slow one
        in_thread(refresh_due_profiles)
        in_thread(refresh_profiles)
    assert counts() == {"c": 1, "d": 1}
    assert refresh_due_profiles() == 2
    assert counts() == {"c": 2, "d": 2}


def test_a_refresh_that_fails_leaves_its_marks(committed, monkeypatch):
    ingest_events(events=[search("1")], source="test")
    with monkeypatch.context() as patch:
        patch.setattr("users.profiles.refresh.current_bounds", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            refresh_due_profiles()
    assert refresh_due_profiles() == 1
    assert counts() == {"c": 1}


def test_only_one_refreshes_at_a_time_and_nobody_queues_up_behind(committed):
    ingest_events(events=[search("1")], source="test")
    with transaction.atomic():
        refresh_profiles(customer_ids=[])
        in_thread(refresh_due_profiles)
        assert ProfileDue.objects.exists()
    assert refresh_due_profiles() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE users_event SET type = 1",
        "DELETE FROM users_event",
        "UPDATE users_customer SET time_zone = 'Europe/Berlin'",
        "UPDATE users_customer SET erased_at = now()",
    ],
)
def test_whatever_changes_what_a_profile_is_made_of_marks_it(change):
    ingest_events(events=[search("1")], source="test")
    refresh_due_profiles()
    with connection.cursor() as cursor:
        cursor.execute(change)
    assert set(ProfileDue.objects.values_list("customer_id", flat=True)) == {Customer.objects.get().pk}


@pytest.mark.django_db
def test_a_change_that_a_profile_does_not_see_marks_nothing():
    CustomerFactory()
    refresh_due_profiles()
    Customer.objects.update(first_name="Ada", time_zone="")
    assert not ProfileDue.objects.exists()


@pytest.mark.django_db
def test_an_erased_customer_loses_its_profile():
    ingest_events(events=[search("1"), search("2", "d")], source="test")
    refresh_due_profiles()
    Customer.objects.filter(external_id="c").update(erased_at=THEN)
    refresh_due_profiles()
    assert counts() == {"d": 1}


@pytest.mark.django_db
def test_the_command_refreshes_what_is_due_or_everyone(capsys):
    from django.core.management import call_command

    ingest_events(events=[search("1"), search("2", "d")], source="test")
    call_command("refresh_profiles")
    call_command("refresh_profiles")
    call_command("refresh_profiles", all=True)
    assert [line.split(" in ")[0] for line in capsys.readouterr().out.splitlines()] == [
        "2 profiles computed",
        "0 profiles computed",
        "2 profiles computed",
    ]
