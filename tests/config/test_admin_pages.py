"""Every page of the admin opens, and lists cost the same number of queries however long they are."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from catalog.big_tables import BoundedPaginator
from catalog.models import Item
from catalog.services import ItemInput, upsert_items
from recommendations.models import TrainingRun
from tests.factories import RecommendationFactory
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
from users.models import ApiKey, Customer, Event, User
from users.profiles import refresh_profiles

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LISTS = [model._meta.label_lower.replace(".", "_") for model in admin.site._registry]


@pytest.fixture
def staff(db) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("staff", "staff@example.com", "secret"))
    return client


def grow(first: int, last: int) -> None:
    """Add customers, items, events and orders numbered from `first` to before `last`."""
    numbers = range(first, last)
    yes = (ConsentInput("email", granted=True, source="test"),)
    ingest_customers(
        customers=[CustomerInput(f"c{n}", email=f"c{n}@example.com", consents=yes) for n in numbers], source="test"
    )
    upsert_items(items=[ItemInput(f"i{n}", f"Blue mug {n}", category=f"k{n}", price=Decimal(n)) for n in numbers])
    ingest_events(events=[EventInput(f"v{n}", "view", NOON, f"c{n}", f"i{n}") for n in numbers], source="test")
    lines = (OrderLine("i1", 1, Decimal(5)),)
    ingest_orders(orders=[OrderInput(f"o{n}", f"c{n}", NOON, "GBP", lines) for n in numbers], source="test")
    refresh_profiles()


@pytest.mark.parametrize("name", LISTS)
def test_every_list_opens_empty_and_can_be_searched(staff, name):
    url = reverse(f"admin:{name}_changelist")
    assert staff.get(url).status_code == 200
    assert staff.get(url, {"q": "something"}).status_code == 200


@pytest.mark.parametrize("name", ["users_customer", "users_event", "users_order", "catalog_item"])
def test_a_list_costs_the_same_number_of_queries_however_long_it_is(staff, name):
    url = reverse(f"admin:{name}_changelist")
    counts = []
    for first, last in ((1, 3), (3, 40)):
        grow(first, last)
        staff.get(url)  # warms the caches of content types and permissions
        with CaptureQueriesContext(connection) as queries:
            assert staff.get(url).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.mark.django_db
def test_logging_in_leads_to_the_overview(client):
    User.objects.create_superuser("staff", "staff@example.com", "secret")
    response = client.post("/admin/login/", {"username": "staff", "password": "secret"})
    assert response["Location"] == "/admin/"


def test_the_overview_opens_before_and_after_there_is_data(staff):
    page = staff.get("/admin/").content.decode()
    for text in ("and proof that it paid", "First steps", "Train the recommender on them", "Compose a campaign"):
        assert text in page
    grow(1, 4)
    TrainingRun.objects.create(architecture="transformer")
    assert staff.get("/admin/").status_code == 200


def test_a_customer_page_shows_its_profile_events_and_consent(staff):
    grow(1, 3)
    customer = Customer.objects.get(external_id="c1")
    page = staff.get(reverse("admin:users_customer_change", args=[customer.pk])).content.decode()
    for text in ("Blue mug 1", "o1", "c•••@e•••.com", "5.00"):
        assert text in page


@pytest.mark.parametrize(
    ("name", "term", "found", "missed"),
    [
        ("users_customer", "c1", "c12", "c2"),
        ("users_customer", "C2@example.com", "c2", "c12"),
        ("catalog_item", "blu 12", "Blue mug 12", "Blue mug 2"),
        ("catalog_item", "i2", "Blue mug 2", "Blue mug 12"),
        ("users_event", "c2", "Blue mug 2", "Blue mug 12"),
    ],
)
def test_searches_find_what_they_promise(staff, name, term, found, missed):
    grow(1, 13)
    page = staff.get(reverse(f"admin:{name}_changelist"), {"q": term}).content.decode()
    assert f">{found}<" in page
    assert f">{missed}<" not in page


def test_recommendations_are_listed_and_found_by_customer(staff):
    for name in ("c1", "c2"):
        RecommendationFactory(customer__external_id=name)
    page = reverse("admin:recommendations_recommendation_changelist")
    assert {row.customer.external_id for row in staff.get(page).context["cl"].result_list} == {"c1", "c2"}
    found = staff.get(page, {"q": "c1"}).context["cl"].result_list
    assert [row.customer.external_id for row in found] == ["c1"]


def test_an_api_key_is_shown_once_and_then_only_its_beginning(staff):
    page = staff.post(
        reverse("admin:users_apikey_add"), {"name": "shop", "scope": "server"}, follow=True
    ).content.decode()
    key = page.split("<code>")[1].split("</code>")[0]
    row = ApiKey.objects.get()
    assert key.startswith(row.prefix)
    assert key not in staff.get(reverse("admin:users_apikey_changelist")).content.decode()


def test_a_training_is_started_from_the_admin(staff, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as callbacks:
        staff.post(
            reverse("admin:recommendations_trainingrun_add"),
            {"architecture": "item_knn", "time_budget": 60, "seed": 3, "precision": "int8"},
        )
    run = TrainingRun.objects.get()
    assert run.architecture == "item_knn"
    assert run.config | {"time_budget": 60, "seed": 3, "precision": "int8"} == run.config
    assert len(callbacks) == 1
    assert staff.get(reverse("admin:recommendations_trainingrun_change", args=[run.pk])).status_code == 200


@pytest.mark.django_db
def test_a_long_list_is_counted_only_so_far(monkeypatch):
    monkeypatch.setattr("catalog.big_tables.COUNTED", 5)
    upsert_items(items=[ItemInput(f"i{n}", "Mug") for n in range(8)])
    assert BoundedPaginator(Item.objects.order_by("pk"), 2).count == 5
    assert Event.objects.count() == 0
