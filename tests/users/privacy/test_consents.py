"""The ledger: it grows only by changes, and the newest statement per channel and purpose holds."""

from datetime import UTC, datetime, timedelta

import pytest
from rest_framework.test import APIClient

from recommendations.export import export_interactions
from tests.factories import CustomerFactory
from users.api_keys import create_api_key
from users.choices import ApiScope
from users.ingestion import EventInput, ingest_events
from users.models import Consent, Customer, CustomerAccess
from users.privacy.access import COMMAND
from users.privacy.consents import ConsentStatement, add_consents, current_consents
from users.privacy.erase import erase_customer

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def state(customer_id="c1", granted=True, *, days=0, purpose="marketing", version="", channel="email") -> int:
    statement = ConsentStatement(customer_id, channel, purpose, granted, "test", version, NOON + timedelta(days=days))
    return add_consents(statements=[statement])


@pytest.fixture
def customer(db) -> Customer:
    return CustomerFactory(external_id="c1")


def current(customer) -> dict[tuple[str, str], bool]:
    found = current_consents(customer_ids=[customer.pk])[customer.pk]
    return {(consent.channel, consent.purpose): consent.granted for consent in found}


def test_only_changes_are_added(customer):
    assert [state(), state(days=1), state(granted=False, days=2), state(granted=False, days=3)] == [1, 0, 1, 0]
    assert current(customer) == {("email", "marketing"): False}


def test_a_new_wording_is_a_new_statement(customer):
    assert [state(version="2025-1"), state(days=1), state(version="2026-1", days=2)] == [1, 0, 1]


def test_what_arrives_late_is_added_where_it_belongs_and_only_once(customer):
    state(granted=False, days=5)
    assert [state(days=1), state(days=1)] == [1, 0]
    assert current(customer) == {("email", "marketing"): False}


def test_a_merged_customer_s_statement_counts_for_the_whole(customer):
    CustomerFactory(external_id="c2", email="", merged_into=customer)
    assert state("c2") == 1
    assert current(customer) == {("email", "marketing"): True}


def test_nobody_unknown_or_erased_gets_an_entry(customer):
    assert state("nobody") == 0
    erase_customer(customer=customer, actor=COMMAND)
    assert state() == 0


def test_current_consents_of_many_customers_take_one_query(db, django_assert_num_queries):
    customers = [CustomerFactory(external_id=f"n{n}") for n in range(5)]
    for number, each in enumerate(customers):
        state(each.external_id, granted=number % 2 == 0)
        state(each.external_id, purpose="profiling", channel="webpush")
    with django_assert_num_queries(1):
        found = current_consents(customer_ids=[each.pk for each in customers])
    assert [len(found[each.pk]) for each in customers] == [2] * 5


def test_whoever_objects_to_profiling_is_not_learnt_from(customer):
    CustomerFactory(external_id="c2")
    ingest_events(events=[EventInput(f"m-{who}", "view", NOON, who, "i1") for who in ("c1", "c2")], source="test")
    assert export_interactions().n_customers == 2
    state(purpose="profiling", granted=False)
    assert list(export_interactions().customer_ids) == [Customer.objects.get(external_id="c2").pk]
    state(purpose="profiling", granted=True, days=1)
    assert export_interactions().n_customers == 2


@pytest.fixture
def api(db) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {create_api_key(name='shop', scope=ApiScope.SERVER)[1]}")
    return client


URL = "/api/v1/customers/c1/consents/"
PHONE = {"channel": "email", "granted": True, "source": "by phone, Ms Lee", "text_version": "2026-1"}


def test_the_api_records_and_answers_the_ledger(api, customer):
    first = api.post(URL, PHONE).json()
    assert first["current"] == first["history"]
    assert first["current"][0] | {"recorded_at": ""} == {**PHONE, "purpose": "marketing", "recorded_at": ""}
    assert api.post(URL, [PHONE]).json() == first
    withdrawn = api.post(URL, {**PHONE, "granted": False}).json()
    assert [row["granted"] for row in withdrawn["history"]] == [False, True]
    assert api.get(URL).json() == withdrawn
    assert list(CustomerAccess.objects.order_by("id").values_list("action", "actor", "page", "detail")) == [
        *[("consent", "shop", "api:customer-consents", "email")] * 3,
        ("viewed", "shop", "api:customer-consents", ""),
    ]


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        [PHONE] * 101,
        "yes",
        {**PHONE, "channel": "pigeon"},
        {**PHONE, "granted": "yes"},
        {**PHONE, "source": ""},
    ],
)
def test_the_api_refuses_what_is_no_statement(api, customer, body):
    assert api.post(URL, body).status_code == 400
    assert not Consent.objects.exists()


def test_the_api_knows_only_customers_that_are_there(api, customer):
    assert api.get("/api/v1/customers/nobody/consents/").status_code == 404
    erase_customer(customer=customer, actor=COMMAND)
    assert api.post(URL, PHONE).status_code == 404


def test_a_browser_s_key_may_not_read_a_ledger(customer):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {create_api_key(name='web', scope=ApiScope.WRITE)[1]}")
    for url in (URL, "/api/v1/customers/c1/export/"):
        assert client.get(url).status_code == 403
    assert client.delete("/api/v1/customers/c1/").status_code == 403
