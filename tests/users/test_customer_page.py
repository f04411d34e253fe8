"""Customer 360 in the admin: masked by default, fast, and everything that is done there is logged."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from tests.factories import CouponFactory, MessageFactory, RecommendationFactory
from users import timeline as timelines
from users.ingestion import (
    ConsentInput,
    CustomerInput,
    EventInput,
    OrderInput,
    OrderLine,
    ingest_customers,
    ingest_events,
    ingest_orders,
)
from users.models import Consent, Customer, CustomerAccess, Event, User
from users.privacy.masking import mask_email, mask_phone, mask_text
from users.profiles import refresh_profiles
from users.timeline import Place, activity, timeline

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)  # a Monday
PERSONAL = ("zoe@private-mail.example", "Zoë", "+49 30 1234567")


@pytest.fixture
def customer(db) -> Customer:
    yes = (ConsentInput("email", granted=True, source="form", text_version="2026-1"),)
    about = {"email": PERSONAL[0], "first_name": PERSONAL[1], "phone": PERSONAL[2], "time_zone": "Asia/Shanghai"}
    ingest_customers(customers=[CustomerInput("c1", **about, consents=yes)], source="test")
    lines = (OrderLine("i1", 2, Decimal("12.50")), OrderLine("i2", 1, Decimal(5)))
    ingest_orders(orders=[OrderInput("o1", "c1", NOON, "GBP", lines)], source="test")
    ingest_events(events=[EventInput("s1", "search", NOON, "c1", context={"query": "blue mug"})], source="test")
    refresh_profiles()
    return Customer.objects.get()


@pytest.fixture
def staff(db) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("staff", "staff@example.com", "secret"))
    return client


def page(customer, name="change") -> str:
    return reverse(f"admin:users_customer_{name}", args=[customer.pk])


def looked_up(*fields) -> list:
    return list(CustomerAccess.objects.order_by("id").values_list(*fields, flat=len(fields) == 1))


def test_the_page_shows_who_did_what(staff, customer):
    CouponFactory(customer=customer, code="ABCD-1234")
    MessageFactory(recipient__customer=customer, subject="For you")
    html = staff.get(page(customer)).content.decode()
    for text in ("c1", "30.00", "o1", "2 lines", "blue mug", "2026-1", "ABCD-1234", "For you", "Asia/Shanghai"):
        assert text in html, text


def test_personal_data_is_masked_until_somebody_asks_and_for_ten_minutes(staff, customer):
    def seen() -> list[bool]:
        html = staff.get(page(customer)).content.decode()
        return [text in html for text in PERSONAL]

    assert seen() == [False] * 3
    assert "z•••@p•••.example" in staff.get(page(customer)).content.decode()
    assert staff.get(page(customer, "show")).status_code == 403  # a GET changes nothing
    assert staff.post(page(customer, "show")).status_code == 302
    assert seen() == [True] * 3
    with time_machine.travel(timezone.now() + timedelta(minutes=11)):
        assert seen() == [False] * 3
    staff.post(page(customer, "show"))
    staff.post(page(customer, "show"), {"hide": ""})
    assert seen() == [False] * 3
    assert looked_up("action").count("shown") == 2
    assert set(looked_up("actor_kind", "actor", "customer")) == {("staff", "staff", customer.pk)}


def test_what_is_masked_cannot_be_edited(staff, customer):
    assert staff.post(page(customer), {"first_name": "Eve"}).status_code == 403
    customer.refresh_from_db()
    assert customer.first_name == "Zoë"


def test_an_edit_logs_the_names_of_the_fields_only(staff, customer):
    staff.post(page(customer, "show"))
    form = staff.get(page(customer)).context["adminform"].form
    data = {name: "" if form[name].value() is None else form[name].value() for name in form.fields}
    changed = {
        **data,
        "attributes": "{}",
        "initial-attributes": "{}",
        "email": "new@private-mail.example",
        "country": "DE",
    }
    assert staff.post(page(customer), data | changed).status_code == 302
    assert CustomerAccess.objects.get(action="changed").detail == "email, country"
    customer.refresh_from_db()
    assert (customer.email, customer.country) == ("new@private-mail.example", "DE")


def test_a_consent_given_on_the_phone_is_recorded_with_its_source(staff, customer):
    said = {"channel": "email", "purpose": "marketing", "granted": "no", "source": "by phone", "text_version": ""}
    staff.post(page(customer, "consent"), said)
    newest = Consent.objects.order_by("-id").first()
    assert (newest.granted, newest.source, Consent.objects.count()) == (False, "by phone", 2)
    html = staff.post(page(customer, "consent"), {**said, "source": ""}, follow=True).content.decode()
    assert "Nothing was recorded" in html
    assert Consent.objects.count() == 2
    assert CustomerAccess.objects.get(action="consent").detail == "email"


def test_the_export_is_a_file_and_is_logged(staff, customer):
    assert staff.get(page(customer, "export")).status_code == 403
    response = staff.post(page(customer, "export"))
    assert "attachment" in response["Content-Disposition"]
    document = json.loads(b"".join(response.streaming_content))
    assert document["identities"][0]["email"] == PERSONAL[0]
    assert looked_up("action") == ["exported"]


def test_erasing_asks_for_the_id(staff, customer):
    assert "Type c1 to confirm" in staff.get(page(customer, "erase")).content.decode()
    assert "nothing was erased" in staff.post(page(customer, "erase"), {"reference": "c2"}).content.decode()
    customer.refresh_from_db()
    assert customer.erased_at is None
    response = staff.post(page(customer, "erase"), {"reference": "c1"}, follow=True)
    assert "The customer was erased" in response.content.decode()
    customer.refresh_from_db()
    assert customer.erased_at is not None
    html = staff.get(page(customer)).content.decode()
    assert "Erased on" in html
    assert staff.get(page(customer, "erase")).status_code == 404


@pytest.mark.parametrize("name", ["show", "export", "erase", "consent"])
def test_each_deed_needs_its_permission(customer, name):
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_customer"))
    client = Client()
    client.force_login(viewer)
    assert client.get(page(customer)).status_code == 200
    assert client.post(page(customer, name), {"reference": "c1"}).status_code == 403
    assert set(looked_up("action")) == {"viewed"}


def test_the_page_costs_the_same_however_much_there_is(staff, customer):
    counts = []
    for first, last in ((0, 3), (3, 90)):
        events = [EventInput(f"v{n}", "view", NOON - timedelta(hours=n), "c1", f"i{n}") for n in range(first, last)]
        ingest_events(events=events, source="test")
        for _ in range(last - first):
            CouponFactory(customer=customer)
        for _ in range(2):
            MessageFactory(recipient__customer=customer)
        items = list(Event.objects.exclude(item=None).values_list("item_id", flat=True))[:20]
        RecommendationFactory._meta.model.objects.filter(customer=customer).delete()
        RecommendationFactory(customer=customer, item_ids=items)
        staff.get(page(customer))
        with CaptureQueriesContext(connection) as queries:
            staff.get(page(customer))
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 30
    assert not [query for query in queries if "COUNT(*)" in query["sql"]]


class TestTimeline:
    def test_pages_follow_each_other_without_gap_or_overlap(self, customer, monkeypatch, django_assert_num_queries):
        monkeypatch.setattr(timelines, "PAGE", 7)
        same_time = [EventInput(f"t{n}", "view", NOON, "c1", "i1") for n in range(12)]
        older = [EventInput(f"o{n}", "view", NOON - timedelta(days=n), "c1", "i1") for n in range(1, 12)]
        ingest_events(events=same_time + older, source="test")
        shown: list[int] = []
        place = None
        while True:
            with django_assert_num_queries(1):
                found = timeline(customer_id=customer.pk, before=place)
            for day in found.days:
                for session in day.sessions:
                    for entry in session.entries:
                        shown += [line.pk for line in entry.lines] or [entry.event.pk]
            place = found.next
            if place is None:
                break
            assert Place.parse(str(place)) == place
        assert sorted(shown) == sorted(Event.objects.values_list("pk", flat=True))
        assert len(shown) == len(set(shown))

    def test_a_pause_of_half_an_hour_begins_a_session(self, customer):
        later = [
            EventInput(f"l{n}", "view", NOON + timedelta(minutes=m), "c1", "i1") for n, m in enumerate((20, 40, 90))
        ]
        ingest_events(events=later, source="test")
        sessions = timeline(customer_id=customer.pk).days[0].sessions
        assert [len(session.entries) for session in sessions] == [1, 4]
        assert sessions[1].began_at == NOON

    def test_lines_of_an_order_are_one_entry_and_kinds_can_be_chosen(self, customer):
        (day,) = timeline(customer_id=customer.pk, kind="orders").days
        (entry,) = day.sessions[0].entries
        assert (entry.order.external_id, len(entry.lines)) == ("o1", 2)
        assert timeline(customer_id=customer.pk, kind="cart").days == []
        assert len(timeline(customer_id=customer.pk, kind="no such kind").days) == 1

    @pytest.mark.parametrize("text", ["", "yesterday_3", "2026-03-02T12:00:00_3", "2026-03-02T12:00:00+00:00_x"])
    def test_a_place_that_makes_no_sense_is_the_beginning(self, text):
        assert Place.parse(text) is None

    def test_more_is_loaded_as_a_fragment_and_without_scripts_as_a_page(self, staff, customer):
        fragment = staff.get(page(customer, "timeline"), {"kind": "searches"}, headers={"HX-Request": "true"})
        assert "blue mug" in fragment.content.decode()
        assert "<html" not in fragment.content.decode()
        whole = staff.get(page(customer, "timeline"), {"kind": "searches"}, follow=True)
        assert "<html" in whole.content.decode()

    def test_activity_counts_in_the_customer_s_own_time(self, customer):
        with time_machine.travel(NOON + timedelta(days=1)):
            grid = activity(customer_id=customer.pk, time_zone="Asia/Shanghai")
        assert grid[0][20] == 3  # Monday, 20:00 there
        assert sum(map(sum, grid)) == 3


@pytest.mark.parametrize(
    ("mask", "text", "expected"),
    [
        (mask_email, "zoe@private-mail.example", "z•••@p•••.example"),
        (mask_email, "root@localhost", "r•••@l•••"),
        (mask_email, "no address", "n•••"),
        (mask_email, "", ""),
        (mask_phone, "+49 30 1234567", "••• 67"),
        (mask_phone, "110", "•••"),
        (mask_phone, "", ""),
        (mask_text, "王伟", "王•••"),
        (mask_text, "", ""),
    ],
)
def test_masks(mask, text, expected):
    assert mask(text) == expected
