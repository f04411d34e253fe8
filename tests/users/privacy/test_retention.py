"""What is older than its rule goes, a record says so, and a late retry does not bring it back."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from notifications.models import Click, Link, Message
from tests.factories import CustomerFactory, MessageFactory, PredictionFactory, RecommendationFactory
from users.choices import AccessAction
from users.ingestion import EventInput, ingest_events
from users.ingestion.partitions import event_partitions, forget_partition
from users.models import CustomerAccess, Event, EventKey, Profile, RetentionRecord
from users.privacy.access import COMMAND, record_access
from users.privacy.erase import erase_customer
from users.privacy.event_age import events_kept_from
from users.privacy.retention import apply_retention

NOW = datetime(2026, 3, 15, tzinfo=UTC)
OLD = datetime(2019, 5, 20, 12, tzinfo=UTC)


@pytest.fixture
def events(transactional_db):
    """An event of long ago and one of now. The partition of long ago is dropped again."""
    sent = [EventInput("old", "view", OLD, "c1", "i1"), EventInput("new", "view", timezone.now(), "c1", "i1")]
    assert ingest_events(events=sent, source="test").accepted == 2
    yield sent
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS users_event_y2019m05")
    forget_partition("users_event_y2019m05")


@pytest.mark.parametrize(
    ("months", "now", "expected"),
    [
        (0, NOW, None),
        (1, NOW, datetime(2026, 2, 1, tzinfo=UTC)),
        (3, NOW, datetime(2025, 12, 1, tzinfo=UTC)),
        (24, NOW, datetime(2024, 3, 1, tzinfo=UTC)),
    ],
)
def test_whole_months_are_kept(settings, months, now, expected):
    settings.EVENTS_KEEP_MONTHS = months
    assert events_kept_from(now) == expected


def test_events_are_kept_for_good_unless_a_rule_says_otherwise(events):
    assert apply_retention() == []
    assert Event.objects.count() == 2


def test_old_months_are_dropped_with_their_message_ids(events, settings):
    settings.EVENTS_KEEP_MONTHS = 24
    out = StringIO()
    call_command("apply_retention", "--dry-run", stdout=out)
    assert "events: 1 rows before" in out.getvalue()
    assert "nothing was removed" in out.getvalue()
    assert (Event.objects.count(), EventKey.objects.count(), RetentionRecord.objects.count()) == (2, 2, 0)

    assert [(gone.rule, gone.rows) for gone in apply_retention()] == [("events", 1)]
    assert Event.objects.get().occurred_at > OLD
    assert EventKey.objects.get().occurred_at > OLD
    assert "users_event_y2019m05" not in dict(event_partitions())
    assert list(RetentionRecord.objects.values_list("rule", "removed")) == [("events", 1)]
    assert apply_retention() == []


def test_a_retry_of_an_event_that_was_removed_is_refused_and_the_month_can_come_back(events, settings):
    settings.EVENTS_KEEP_MONTHS = 24
    apply_retention()
    result = ingest_events(events=events, source="test")
    assert [(row.index, row.reason) for row in result.refused] == [(0, "too_old")]
    assert result.duplicates == 1
    settings.EVENTS_KEEP_MONTHS = 0
    assert ingest_events(events=events, source="test").accepted == 1


@pytest.mark.django_db
def test_texts_of_old_messages_go_and_their_outcome_stays(settings):
    settings.MESSAGE_TEXTS_KEEP_DAYS = 30
    message = MessageFactory(subject="For Zoë", state="sent", first_clicked_at=timezone.now())
    link = Link.objects.create(run=message.run, url="https://shop.example/")
    Click.objects.create(message=message, link=link, clicked_at=timezone.now() - timedelta(days=40), user_agent="Phone")
    Message.objects.update(created_at=timezone.now() - timedelta(days=31))
    kept = MessageFactory(subject="For Ann", state="sent")
    assert [(gone.rule, gone.rows) for gone in apply_retention()] == [("texts of messages", 2)]
    message.refresh_from_db()
    kept.refresh_from_db()
    assert (message.subject, message.state, kept.subject) == ("", "sent", "For Ann")
    assert Click.objects.get().user_agent == ""


@pytest.mark.django_db
def test_what_was_computed_of_a_customer_while_it_was_erased_goes_too():
    customer = CustomerFactory()
    erase_customer(customer=customer, actor=COMMAND)
    refreshed = {"refreshed_at": timezone.now()}
    Profile.objects.create(customer=customer, **refreshed)
    kept = Profile.objects.create(customer=CustomerFactory(), **refreshed)
    RecommendationFactory(customer=customer)
    PredictionFactory(customer=customer)
    assert {(gone.rule, gone.rows) for gone in apply_retention()} == {
        ("profiles of erased customers", 1),
        ("recommendations to erased customers", 1),
        ("predictions of erased customers", 1),
    }
    assert Profile.objects.get() == kept


@pytest.mark.django_db
def test_the_access_log_is_append_only_except_for_its_own_rule(settings):
    customer = CustomerFactory()
    record_access(customer_id=customer.pk, action=AccessAction.VIEWED, actor=COMMAND)
    for change in (CustomerAccess.objects.all().delete, lambda: CustomerAccess.objects.update(actor="nobody")):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            change()
    settings.ACCESS_LOG_KEEP_DAYS = 10
    assert apply_retention() == []
    later = timezone.now() + timedelta(days=11)
    assert [(gone.rule, gone.rows) for gone in apply_retention(now=later)] == [("access log", 1)]
    record_access(customer_id=customer.pk, action=AccessAction.VIEWED, actor=COMMAND)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        CustomerAccess.objects.all().delete()
