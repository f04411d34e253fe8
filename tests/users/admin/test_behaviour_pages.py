from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from catalog.models import Item
from catalog.services import ItemInput, upsert_items
from users.behaviour import stream
from users.behaviour.items import item_figures
from users.behaviour.stream import EventFilter, Position, daily_counts, event_page
from users.choices import EventType, Suspicion
from users.ingestion import EventInput, ingest_events
from users.ingestion.cleaning import refresh_norms
from users.models import Customer, Event, User

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def staff() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("staff", "staff@example.com", "secret"))
    return client


def event(number: int, **changes) -> EventInput:
    values = {
        "message_id": f"m{number}",
        "type": "view" if number % 2 else "click",
        "occurred_at": NOON + timedelta(hours=number // 3),  # three at a time, over months and partitions
        "customer_id": f"c{number % 4}",
        "item_id": f"i{number % 5}",
    }
    return EventInput(**values | changes)


def walk(chosen: EventFilter) -> list[Event]:
    """All pages from the newest on."""
    found, page = [], event_page(chosen)
    while True:
        found += page.events
        if not page.has_older:
            return found
        page = event_page(chosen, before=Position(page.events[-1].occurred_at, page.events[-1].pk))
        assert page.has_newer


@pytest.fixture
def history():
    ingest_events(
        events=[event(n, occurred_at=NOON - timedelta(hours=9 * (n // 3))) for n in range(200)], source="test"
    )


def key(found: Event) -> tuple[datetime, int]:
    return found.occurred_at, found.pk


def test_paging_through_the_stream_shows_every_event_once_newest_first(history):
    chosen = [
        EventFilter(),
        EventFilter(types=(EventType.VIEW,)),
        EventFilter(customer_id=Customer.objects.get(external_id="c1").pk),
        EventFilter(item_id=Item.objects.get(external_id="i3").pk),
        EventFilter(since=NOON - timedelta(days=9), until=NOON),
    ]
    for each, expected in zip(
        chosen,
        (
            Event.objects.all(),
            Event.objects.filter(type=EventType.VIEW),
            Event.objects.filter(customer__external_id="c1"),
            Event.objects.filter(item__external_id="i3"),
            Event.objects.filter(occurred_at__gte=NOON - timedelta(days=9), occurred_at__lt=NOON),
        ),
        strict=True,
    ):
        assert [key(row) for row in walk(each)] == sorted((key(row) for row in expected), reverse=True)


def test_going_back_leads_to_the_page_before(history):
    first = event_page(EventFilter())
    second = event_page(EventFilter(), before=Position(*key(first.events[-1])))
    back = event_page(EventFilter(), after=Position(*key(second.events[0])))
    assert [row.pk for row in back.events] == [row.pk for row in first.events]
    assert (back.has_newer, back.has_older) == (False, True)


def test_counts_by_day_are_those_of_the_reader_and_right_when_estimated(history, monkeypatch):
    since, until = NOON.replace(hour=0) - timedelta(days=9), NOON.replace(hour=0) + timedelta(days=1)
    exact = daily_counts(EventFilter(), since=since, until=until, zone="UTC")
    found = Event.objects.filter(occurred_at__gte=since, occurred_at__lt=until)
    assert sum(map(sum, exact.by_type.values())) == found.count()
    assert exact.by_type[EventType.VIEW][-1] == found.filter(type=EventType.VIEW, occurred_at__date=NOON.date()).count()
    assert not exact.is_estimate
    monkeypatch.setattr(stream, "COUNTED", 1)
    assert daily_counts(EventFilter(), since=since, until=until, zone="UTC").is_estimate


def test_the_explorer_filters_by_what_people_know(staff):
    ingest_events(events=[event(n) for n in range(12)], source="test")
    url = reverse("admin:users_event_changelist")
    cases = {"q": "c1", "item": "i2", "message": "m7", "type": str(EventType.CLICK.value), "since": "2026-03-02"}
    expected = {"q": {1, 5, 9}, "item": {2, 7}, "message": {7}, "type": set(range(0, 12, 2)), "since": set(range(12))}
    for name, value in cases.items():
        page = staff.get(url, {name: value}).context["page"]
        shown = {(row.customer.external_id, row.item.external_id, row.get_type_display()) for row in page.events}
        wanted = {(f"c{n % 4}", f"i{n % 5}", "view" if n % 2 else "click") for n in expected[name]}
        assert shown == wanted, name
    assert "No events match" in staff.get(url, {"q": "nobody"}).content.decode()
    assert staff.get(url, {"since": "soon", "before": "x", "after": "y_z"}).status_code == 200


def test_suspect_lines_are_accepted_in_the_explorer(staff, django_capture_on_commit_callbacks):
    lines = [
        event(n, type="purchase", customer_id="c1", item_id="mug", price=Decimal(5), quantity=1, currency="GBP")
        for n in range(20)
    ]
    ingest_events(events=lines, source="test")
    refresh_norms()
    dear = event(99, type="purchase", customer_id="c2", item_id="mug", price=Decimal(999), quantity=1, currency="GBP")
    ingest_events(events=[dear], source="test")
    url = reverse("admin:users_event_changelist") + "?suspect=on"
    page = staff.get(url)
    assert [row.price for row in page.context["page"].events] == [Decimal(999)]
    suspect = page.context["page"].events[0]
    with django_capture_on_commit_callbacks() as callbacks:
        staff.post(url, {"event": [f"{suspect.customer_id}-{suspect.pk}", "x-y"]})
    assert len(callbacks) == 1, "the profile is computed again"
    assert Event.objects.get(pk=suspect.pk).suspect == Suspicion.ACCEPTED


def test_an_item_page_shows_sales_prices_buyers_and_companions(staff):
    now = timezone.now()
    upsert_items(items=[ItemInput("mug", "Blue mug", price=Decimal(5), currency="GBP", stock=12)])

    def buy(number: int, who: str, what: str, days: int, price: str, quantity: int, kind: str = "purchase"):
        at = now - timedelta(days=days)
        return EventInput(f"b{number}", kind, at, who, what, None, quantity, Decimal(price), "GBP")

    ingest_events(
        events=[
            *(buy(1, "c1", "mug", 1, "4", 2), buy(2, "c2", "mug", 15, "6", 3), buy(3, "c2", "mug", 400, "9", 50)),
            *(buy(4, "c1", "saucer", 1, "2", 1), buy(5, "c2", "saucer", 2, "2", 1), buy(6, "c1", "lamp", 1, "2", 1)),
            buy(7, "c2", "mug", 3, "6", 1, "refund"),
        ],
        source="test",
    )
    item = Item.objects.get(external_id="mug")
    figures = item_figures(item, now=now)
    assert (figures.buyers, figures.units, figures.revenue, figures.refunded_units) == (2, 5, Decimal("26.00"), 1)
    assert sum(week.units for week in figures.weeks) == 5
    assert [week.price for week in figures.weeks if week.price] == [6.0, 4.0]
    assert [customer.external_id for customer, _at, _units in figures.newest_buyers] == ["c1", "c2"]
    assert [(other.external_id, shared) for other, shared, _share in figures.bought_together] == [("saucer", 2)]
    page = staff.get(reverse("admin:catalog_item_change", args=[item.pk])).content.decode()
    for text in ("Its buyers also bought", "saucer", "26.00 GBP"):
        assert text in page


def test_an_item_without_events_has_a_page_too(staff):
    upsert_items(items=[ItemInput("mug", "Blue mug")])
    item = Item.objects.get()
    assert "Nothing yet" in staff.get(reverse("admin:catalog_item_change", args=[item.pk])).content.decode()
    assert staff.get(reverse("admin:catalog_item_add")).status_code == 200
