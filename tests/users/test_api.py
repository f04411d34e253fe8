import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from users.api_keys import create_api_key, revoke_api_key
from users.choices import ApiScope
from users.models import ApiKey, Customer, Event, Order


def client_with(scope: ApiScope) -> APIClient:
    _, key = create_api_key(name=f"{scope} key", scope=scope)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    return client


@pytest.fixture
def server(db) -> APIClient:
    return client_with(ApiScope.SERVER)


EVENT = {
    "message_id": "m1",
    "type": "view",
    "occurred_at": "2026-03-01T12:00:00Z",
    "customer_id": "c1",
    "item_id": "i1",
}


def test_one_event_and_its_retry(server):
    assert server.post("/api/v1/events/", EVENT).json() == {"accepted": 1, "duplicates": 0, "refused": []}
    assert server.post("/api/v1/events/", EVENT).json()["duplicates"] == 1
    assert Event.objects.count() == 1


def test_a_batch_keeps_the_good_rows_and_names_the_bad_ones(server):
    batch = [
        EVENT,
        {**EVENT, "message_id": 7},
        {**EVENT, "message_id": "m2", "type": "teleport"},
        {**EVENT, "message_id": "m3", "occurred_at": "yesterday"},
        {**EVENT, "message_id": "m4", "colour": "red"},
        "not an object",
        {**EVENT, "message_id": "m5"},
    ]
    response = server.post("/api/v1/events/", batch)
    body = response.json()
    assert response.status_code == 200
    assert body["accepted"] == 2
    assert [(row["index"], row["reason"]) for row in body["refused"]] == [
        (1, "bad_message_id"),
        (2, "unknown_type"),
        (3, "bad_occurred_at"),
        (4, "unknown_field"),
        (5, "bad_row"),
    ]


def test_a_request_without_one_good_row_is_a_422(server):
    response = server.post("/api/v1/events/", [{**EVENT, "type": "teleport"}])
    assert response.status_code == 422
    assert response.json()["refused"][0]["index"] == 0


@pytest.mark.parametrize("body", [[], [EVENT] * 1001])
def test_a_batch_of_the_wrong_size_is_refused_whole(server, body):
    response = server.post("/api/v1/events/", body)
    assert response.status_code == 400
    assert "1 to 1000" in response.json()["detail"]


def test_broken_json_is_a_400(server):
    response = server.post("/api/v1/events/", b'{"a": ', content_type="application/json")
    assert response.status_code == 400


def test_an_order_comes_in_and_reads_back(server):
    order = {
        "order_id": "o/1",
        "customer_id": "c1",
        "placed_at": timezone.now().isoformat(),
        "currency": "GBP",
        "lines": [{"item_id": "i1", "quantity": 2, "price": "3.50"}],
        "discount": 2,
    }
    assert server.post("/api/v1/orders/", order).json()["accepted"] == 1
    assert server.get("/api/v1/orders/o/1/").json()["total"] == "5.00"
    assert Order.objects.get().lines.count() == 1


def test_a_customer_comes_in_and_reads_back(server):
    customer = {
        "external_id": "c1",
        "email": "ann@example.com",
        "country": "GB",
        "consents": [{"channel": "email", "granted": True, "source": "checkout"}],
    }
    assert server.post("/api/v1/customers/", customer).status_code == 200
    assert server.get("/api/v1/customers/c1/").json()["email"] == "ann@example.com"
    assert Customer.objects.get().consents.get().granted


def test_lists_are_paged_by_key(server):
    server.post("/api/v1/customers/", [{"external_id": f"c{n}"} for n in range(5)])
    first = server.get("/api/v1/customers/?page_size=2").json()
    second = server.get(first["next"]).json()
    assert [row["external_id"] for row in first["results"] + second["results"]] == ["c0", "c1", "c2", "c3"]


def test_a_write_key_sends_events_and_reads_nothing(db):
    browser = client_with(ApiScope.WRITE)
    assert browser.post("/api/v1/events/", EVENT).status_code == 200
    assert browser.get("/api/v1/customers/").status_code == 403
    assert browser.post("/api/v1/orders/", {}).status_code == 403


@pytest.mark.django_db
def test_without_a_good_key_nothing_is_answered():
    client = APIClient()
    assert client.get("/api/v1/customers/").status_code == 401
    client.credentials(HTTP_AUTHORIZATION="Bearer wrong")
    assert client.get("/api/v1/customers/").status_code == 401


def test_a_revoked_key_stops_working_and_keys_are_stored_hashed(server):
    row = ApiKey.objects.get()
    assert row.key_hash
    assert server.get("/api/v1/orders/").status_code == 200
    assert ApiKey.objects.get().last_used_at is not None
    revoke_api_key(api_key=row)
    assert server.get("/api/v1/orders/").status_code == 401
