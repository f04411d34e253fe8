"""Each column of a profile against a value worked out by hand."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from catalog.models import Item
from tests.factories import CategoryFactory, CustomerFactory, ItemFactory, OrderFactory
from users.ingestion import CustomerInput, EventInput, ingest_customers, ingest_events
from users.models import Profile, ProfileBounds
from users.profiles import refresh_due_profiles, refresh_profiles, refresh_standing

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 1, tzinfo=UTC)
_number = iter(range(10**9))


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def event(kind: str, item: str | None, when: datetime, customer: str = "c", **fields) -> EventInput:
    return EventInput(f"event-{next(_number)}", kind, when, customer, item, **fields)


def bought(item: str, price: str, customer: str = "c", currency: str = "GBP") -> EventInput:
    return event("purchase", item, ago(1), customer, quantity=1, price=Decimal(price), currency=currency)


def profile_of(*events: EventInput, customer: str = "c") -> Profile:
    ingest_events(events=events, source="test")
    refresh_profiles(as_of=NOW)
    return Profile.objects.get(customer__external_id=customer)


@pytest.fixture
def shop():
    for name, brand in (("mug", "Blue"), ("cup", "Red"), ("pan", "Blue"), ("loose", "")):
        category = None if name == "loose" else CategoryFactory(external_id=f"{name}s")
        ItemFactory(external_id=name, brand=brand, category=category, price=None)


def test_interest_weighs_what_was_done_and_fades_by_half_in_sixty_days(shop):
    found = profile_of(
        event("view", "mug", ago(0)),  # 1
        event("add_to_cart", "cup", ago(60)),  # 4 / 2
        event("purchase", "pan", ago(120)),  # 10 / 4
        event("view", "loose", ago(0)),  # no category and no brand: tells nothing
        event("remove_from_cart", "mug", ago(0)),
    )
    assert found.favourite_categories == ["pans", "cups", "mugs"]
    assert found.category_weights == pytest.approx([2.5 / 5.5, 2 / 5.5, 1 / 5.5], abs=6e-5)
    assert found.favourite_brands == ["Blue", "Red"]
    assert found.brand_weights == pytest.approx([3.5 / 5.5, 2 / 5.5], abs=6e-5)


def test_interest_stays_the_same_as_time_passes(shop):
    before = profile_of(event("view", "mug", ago(3)), event("click", "cup", ago(40)))
    refresh_profiles(as_of=NOW + timedelta(days=365))
    after = Profile.objects.get(pk=before.pk)
    assert after.category_weights == before.category_weights


def test_only_the_five_best_are_kept_and_ties_go_by_name():
    for number in range(7):
        ItemFactory(external_id=f"i{number}", brand=f"B{number}")
    found = profile_of(
        event("view", "i6", ago(1)), event("view", "i6", ago(1)), *(event("view", f"i{n}", ago(1)) for n in range(6))
    )
    assert found.favourite_brands == ["B6", "B0", "B1", "B2", "B3"]
    assert found.brand_weights == [0.25, 0.125, 0.125, 0.125, 0.125]


@pytest.mark.parametrize(
    ("zone", "when", "hour", "weekday"),
    [
        ("", "2026-03-29T00:30:00Z", 0, 6),  # a Sunday
        ("Europe/Berlin", "2026-03-29T00:30:00Z", 1, 6),
        ("Europe/Berlin", "2026-03-29T01:30:00Z", 3, 6),  # the clock has just gone forward
        ("Europe/Berlin", "2026-10-25T00:30:00Z", 2, 6),
        ("Europe/Berlin", "2026-10-25T01:30:00Z", 2, 6),  # the same hour again
        ("Asia/Kolkata", "2026-03-29T19:00:00Z", 0, 0),  # half past midnight on Monday
        ("America/New_York", "2026-03-30T03:59:00Z", 23, 6),
    ],
)
def test_hours_and_weekdays_are_those_of_the_customer(shop, zone, when, hour, weekday):
    ingest_customers(customers=[CustomerInput("c", time_zone=zone)], source="test")
    found = profile_of(event("view", "mug", datetime.fromisoformat(when)), event("refund", "mug", ago(1)))
    assert found.active_hours == [int(place == hour) for place in range(24)]
    assert found.active_weekdays == [int(place == weekday) for place in range(7)]


def test_a_customer_without_a_zone_lives_where_the_shop_is(shop, settings):
    settings.TIME_ZONE = "Asia/Shanghai"
    found = profile_of(event("view", "mug", datetime(2026, 3, 1, 20, tzinfo=UTC)))
    assert found.active_hours[4] == 1


def test_a_session_ends_after_half_an_hour_of_silence(shop):
    minutes = (0, 30, 61, 500)
    found = profile_of(
        *(event("view", "mug", ago(1) + timedelta(minutes=minute)) for minute in minutes),
        event("search", None, ago(1) + timedelta(minutes=510)),
        event("refund", "cup", ago(2)),
    )
    assert found.session_count == 3
    assert found.event_count == 6


def test_recent_items_are_the_twenty_newest_with_their_times(shop):
    found = profile_of(*(event("view", ("mug", "cup")[n % 2], ago(n)) for n in range(25)))
    names = dict(Item.objects.values_list("pk", "external_id"))
    assert [names[pk] for pk in found.recent_items] == ["mug", "cup"] * 10
    assert found.recent_times == [ago(n) for n in range(20)]


def test_the_device_is_the_one_used_most(shop):
    found = profile_of(
        *(event("view", "mug", ago(n), context={"device": "mobile"}) for n in range(2)),
        *(event("view", "mug", ago(n)) for n in range(3)),
        event("view", "mug", ago(9), context={"device": "desktop"}),
    )
    assert found.device == "mobile"


def test_the_price_band_is_relative_to_the_category_where_it_is_large_enough():
    cheap, small = CategoryFactory(), CategoryFactory()
    for number in range(1, 26):
        ItemFactory(external_id=f"cheap-{number}", category=cheap, price=Decimal(number))
        ItemFactory(external_id=f"dear-{number}", price=Decimal(1000 + number))
    ItemFactory(external_id="small", category=small, price=Decimal(25))
    assert profile_of(bought("cheap-25", "25")).price_band == 5
    assert profile_of(bought("small", "25", "d"), customer="d").price_band == 3, "of 51 prices, 25 are lower"
    assert profile_of(bought("cheap-1", "1", "e"), bought("cheap-25", "25", "e"), customer="e").price_band == 3
    assert profile_of(bought("cheap-1", "1", "f", "USD"), customer="f").price_band is None


def test_discount_affinity_is_the_larger_share_of_reduced_orders_or_lines():
    ItemFactory(external_id="reduced", price=Decimal(8), list_price=Decimal(10))
    customer = CustomerFactory(external_id="c")
    for discount, coupon in ((0, ""), (5, ""), (0, "SPRING"), (0, "")):
        OrderFactory(customer=customer, discount=discount, coupon_code=coupon)
    assert profile_of().discount_affinity == 0.5
    found = profile_of(bought("reduced", "8"), bought("reduced", "9"), bought("reduced", "10"))
    assert found.discount_affinity == pytest.approx(2 / 3, abs=1e-4)


def test_a_refund_that_was_told_twice_is_taken_off_once():
    customer = CustomerFactory(external_id="c")
    OrderFactory(customer=customer, total=Decimal(30), refunded=Decimal(30))
    OrderFactory(customer=customer, total=Decimal(50))
    refund = event("refund", "mug", ago(1), quantity=1, price=Decimal(30), currency="GBP")
    assert profile_of(refund).revenue == Decimal(50)


@pytest.mark.parametrize(
    ("orders", "last_seen", "stage"),
    [
        ([], None, ""),
        ([], 5, "active"),
        ([29], 29, "new"),
        ([40], 40, "active"),
        ([80, 85, 89], 80, "loyal"),
        ([1, 2, 3], 1, "loyal"),
        ([91, 92, 93], 5, "active"),
        ([91], 91, "at_risk"),
        ([91, 92, 93], 91, "at_risk"),
        ([181], 181, "lapsed"),
    ],
)
def test_lifecycle_stages(orders, last_seen, stage):
    customer = CustomerFactory(external_id="c")
    for days in orders:
        OrderFactory(customer=customer, placed_at=ago(days))
    seen = [] if last_seen is None else [event("search", None, ago(last_seen)), event("search", None, ago(60))][:1]
    if stage == "active":
        seen.append(event("search", None, ago(60)))
    assert profile_of(*seen).lifecycle == stage


def test_standing_moves_on_with_the_calendar_alone():
    OrderFactory(customer=CustomerFactory(external_id="c"), placed_at=ago(10))
    assert profile_of().lifecycle == "new"
    assert refresh_standing(as_of=NOW) == 0
    assert refresh_standing(as_of=NOW + timedelta(days=50)) == 1
    assert Profile.objects.get().lifecycle == "active"
    assert refresh_standing(as_of=NOW + timedelta(days=400)) == 1
    assert Profile.objects.get().lifecycle == "lapsed"


def test_quintiles_divide_those_who_bought_into_fifths():
    for number in range(1, 11):
        customer = CustomerFactory(external_id=f"c{number}")
        for _ in range(number):
            OrderFactory(customer=customer, total=Decimal(10), placed_at=ago(100 - number))
    CustomerFactory(external_id="none")
    refresh_profiles(as_of=NOW)
    columns = ("recency_quintile", "frequency_quintile", "monetary_quintile")
    for column in columns:
        found = list(Profile.objects.order_by("customer_id").values_list(column, flat=True))
        assert found == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, None], column


def test_equal_customers_share_a_quintile_and_bounds_hold_until_they_are_computed_again():
    for _ in range(3):
        OrderFactory(placed_at=ago(5))
    refresh_profiles(as_of=NOW)
    assert set(Profile.objects.values_list("frequency_quintile", flat=True)) == {1}
    bounds = ProfileBounds.objects.get(measure="frequency").bounds
    newcomer = CustomerFactory(external_id="c")
    for _ in range(2):
        OrderFactory(customer=newcomer, placed_at=ago(5))
    refresh_due_profiles(as_of=NOW)
    assert Profile.objects.get(customer=newcomer).frequency_quintile == 5
    assert ProfileBounds.objects.get(measure="frequency").bounds == bounds
