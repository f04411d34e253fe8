"""PostgreSQL goes away while a batch is with the mail server: every outcome is recorded when it is back."""

import threading

import psycopg2
import pytest
from django.db import OperationalError, connection

from notifications.delivery import outbox, patience
from notifications.delivery.outbox import send_due
from notifications.models import DomainDay, Message


@pytest.fixture
def outage(transactional_db):
    """Cuts every connection to the database of the tests and lets nobody in for so many seconds."""
    options = {
        name: value for name, value in connection.get_connection_params().items() if name in ("user", "host", "port")
    }
    name = connection.settings_dict["NAME"]
    outside = psycopg2.connect(dbname="postgres", **options)
    outside.autocommit = True

    def say(*statements):
        with outside.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def back():
        say(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')

    timers = []

    def begin(seconds):
        say(
            f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false',
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
        )
        timers.append(threading.Timer(seconds, back))
        timers[-1].start()

    yield begin
    for timer in timers:
        timer.join()
    back()
    outside.close()


def when_taken(smtp, number, action):
    """Do it when the server has taken so many mails, once."""

    def on_data(address):
        if len(smtp.accepted) == number:
            action()

    smtp.on_data = on_data


def test_what_the_server_took_is_recorded_when_the_database_is_back(plan_message, smtp, outage, states):
    for number in range(6):
        plan_message(email=f"c{number}@example.com")
    when_taken(smtp, 3, lambda: outage(1))
    send_due()
    while send_due():
        pass
    assert set(states().values()) == {"sent"}
    assert sorted(smtp.addresses) == sorted(states())
    assert set(Message.objects.values_list("attempts", flat=True)) == {1}
    assert list(DomainDay.objects.values_list("domain", "sent")) == [("example.com", 6)]


def test_nobody_can_say_whether_it_may_go_on_so_the_rest_is_given_back(plan_message, smtp, outage, states, monkeypatch):
    for number in range(6):
        plan_message(email=f"c{number}@example.com")
    monkeypatch.setattr(outbox, "LOOK_UP_SECONDS", 0)
    when_taken(smtp, 2, lambda: outage(1))
    send_due()
    assert "unknown" not in states().values()
    while send_due():
        pass
    assert set(states().values()) == {"sent"}
    assert sorted(smtp.addresses) == sorted(states())


def test_addresses_that_are_dead_are_suppressed_when_it_is_back(plan_message, smtp, outage):
    message = plan_message(email="gone@example.com")
    plan_message(email="fine@example.com")
    smtp.at_recipient["gone@example.com"] = "550 5.1.1 no such user"
    when_taken(smtp, 1, lambda: outage(1))
    send_due()
    message.refresh_from_db()
    assert message.state == "failed"
    assert message.customer.email_hash in {row[0] for row in suppressed()}


def suppressed():
    with connection.cursor() as cursor:
        cursor.execute("SELECT address_hash FROM notifications_suppression")
        return cursor.fetchall()


def test_a_worker_outlives_a_database_that_is_away_when_it_looks_for_work(plan_message, smtp, outage):
    plan_message()
    outage(0.5)
    assert send_due() is False
    assert smtp.accepted == []


def test_patience_ends(outage):
    outage(1.5)
    tries = []

    def ask():
        tries.append(1)
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")

    with pytest.raises(OperationalError):
        patience.patiently(ask, seconds=0.5)
    assert len(tries) > 1
