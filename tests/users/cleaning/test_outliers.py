from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from recommendations.export import export_interactions
from tests.factories import ItemFactory
from users.choices import Suspicion
from users.ingestion import EventInput, OrderInput, OrderLine, ingest_events, ingest_orders
from users.ingestion.cleaning import accept_events, refresh_norms
from users.models import BotMark, Customer, Event, ItemNorm, Profile, QualityCount
from users.profiles import refresh_profiles

START = datetime(2026, 3, 1, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def line(message_id: str, price: str = "5", quantity: int = 2, item: str = "mug", **more) -> EventInput:
    kind = more.pop("type", "purchase")
    at = START + timedelta(minutes=hash(message_id) % 1000)
    return EventInput(
        *(message_id, kind, at, more.pop("customer", "c1"), item),
        quantity=quantity,
        price=Decimal(price),
        currency=more.pop("currency", "GBP"),
    )


def suspects() -> dict[str, int | None]:
    return dict(Event.objects.exclude(suspect=None).values_list("price", "suspect"))


@pytest.fixture
def usual():
    """Thirty purchases of about five pounds, about two at a time."""
    ingest_events(events=[line(f"u{n}", price=f"{4 + n % 3}", quantity=1 + n % 3) for n in range(30)], source="test")
    refresh_norms()


def test_the_bounds_follow_from_median_and_mad(usual):
    norm = ItemNorm.objects.get()
    assert (norm.lines, norm.price_median, norm.quantity_median) == (30, pytest.approx(5), pytest.approx(2))
    # Six times 1.4826 times the MAD, ln(6/5), is less than ln(10): ten times either way it is.
    assert norm.price_high == pytest.approx(50)
    assert norm.price_low == pytest.approx(0.5)


def test_a_line_far_beyond_is_kept_and_marked_when_it_comes_in(usual):
    ingest_events(
        events=[
            line("dear", price="500"),
            line("cheap", price="0.04"),
            line("free", price="0"),
            line("half", price="2.5"),
            line("many", price="5.01", quantity=5000),
            line("other currency", price="700", currency="JPY"),
            line("back", price="501", type="refund"),
        ],
        source="test",
    )
    assert Event.objects.count() == 37
    assert suspects() == {
        Decimal("500.00"): Suspicion.PRICE,
        Decimal("0.04"): Suspicion.PRICE,
        Decimal("5.01"): Suspicion.QUANTITY,
        Decimal("501.00"): Suspicion.PRICE,
    }
    assert dict(QualityCount.objects.values_list("reason", "rows"))["price_outlier"] == 3


def test_a_retry_of_a_suspect_line_is_not_counted_again(usual):
    for _time in range(2):
        ingest_events(events=[line("dear", price="500")], source="test")
    assert QualityCount.objects.get(reason="price_outlier").rows == 1


def test_lines_of_orders_are_judged_too(usual):
    order = OrderInput("o1", "c2", START, "GBP", (OrderLine("mug", 1, Decimal(5000)), OrderLine("mug", 1, Decimal(5))))
    ingest_orders(orders=[order], source="test")
    assert suspects() == {Decimal("5000.00"): Suspicion.PRICE}


def test_history_is_judged_once_there_is_enough_of_it_and_tells_whose_profile_changed():
    ingest_events(events=[line("dear", price="900", customer="c2")], source="test")
    refresh_norms()
    assert suspects() == {}, "one line is no usual price"
    ingest_events(events=[line(f"u{n}") for n in range(20)], source="test")
    assert refresh_norms() == [Customer.objects.get(external_id="c2").pk]
    assert suspects() == {Decimal("900.00"): Suspicion.PRICE}
    assert refresh_norms() == []


def test_an_item_with_few_lines_is_judged_by_the_quantities_of_the_shop(usual):
    ingest_events(events=[line("bulk", quantity=80_995, item="paper bird")], source="test")
    refresh_norms()
    assert Event.objects.get(item__external_id="paper bird").suspect == Suspicion.QUANTITY


def test_what_staff_accepts_stays_accepted(usual):
    ingest_events(events=[line("dear", price="500")], source="test")
    event = Event.objects.get(suspect=Suspicion.PRICE)
    assert accept_events(customer_ids=[event.customer_id], event_ids=[event.pk]) == [event.customer_id]
    refresh_norms()
    event.refresh_from_db()
    assert event.suspect == Suspicion.ACCEPTED


def test_suspect_lines_and_bots_count_neither_in_profiles_nor_in_training():
    ItemFactory(external_id="i1", currency="GBP")
    ingest_orders(
        orders=[
            OrderInput("o1", "c1", START, "GBP", (OrderLine("i1", 1, Decimal(10)),)),
            OrderInput("o2", "c1", START, "GBP", (OrderLine("i1", 1, Decimal(9000)),)),
        ],
        source="test",
    )
    seen = [EventInput(f"m{number}", "view", START, who, item_id="i1") for number, who in enumerate(("c1", "robot"))]
    ingest_events(events=seen, source="test")
    Event.objects.filter(price=9000).update(suspect=Suspicion.PRICE)
    robot = Customer.objects.get(external_id="robot")
    BotMark.objects.create(customer=robot, reason="rate", actions=9, per_minute=9, marked_at=START)
    refresh_profiles()
    profile = Profile.objects.get(customer__external_id="c1")
    assert (profile.order_count, profile.revenue, profile.event_count) == (2, 10, 2)
    assert Profile.objects.get(customer=robot).event_count == 0
    assert len(export_interactions()) == 2

    Event.objects.filter(price=9000).update(suspect=Suspicion.ACCEPTED)
    BotMark.objects.update(cleared_at=START)
    refresh_profiles()
    profile.refresh_from_db()
    assert (profile.revenue, profile.event_count) == (9010, 3)
    assert len(export_interactions()) == 4
