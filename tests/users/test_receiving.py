"""What a client can do wrong, and what the API does when it cannot keep up: clear answers, nothing lost, no 5xx."""

import json
import threading
import time
import uuid
from contextlib import contextmanager

import pytest
import redis
import requests
from django.db import connection, connections
from django.test import Client
from django.utils import timezone

from catalog import pressure
from catalog.models import Item
from users.api import throttling
from users.api_keys import create_api_key, revoke_api_key
from users.choices import ApiScope
from users.models import ApiKey, Customer, Event, EventKey, Order, QualityCount, QualitySample

EVENT = {
    "message_id": "m1",
    "type": "view",
    "occurred_at": "2026-03-01T12:00:00Z",
    "customer_id": "c1",
    "item_id": "i1",
}


@pytest.fixture
def key(db) -> str:
    return create_api_key(name="shop", scope=ApiScope.SERVER)[1]


@pytest.fixture
def post(key):
    def post(path: str, body: object, **headers: str):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {
            "Authorization": f"Bearer {key}",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        return Client().post(f"/api/v1/{path}/", data, content_type="application/json", headers=headers)

    return post


@pytest.mark.parametrize(
    ("path", "row", "model"),
    [
        ("events", EVENT, Event),
        ("customers", {"external_id": "c1"}, Customer),
        ("items", {"external_id": "i1", "title": "Mug"}, Item),
        (
            "orders",
            {
                "order_id": "o1",
                "customer_id": "c1",
                "placed_at": "2026-03-01T12:00:00Z",
                "currency": "GBP",
                "lines": [{"item_id": "i1", "quantity": 1, "price": 3}],
            },
            Order,
        ),
    ],
)
def test_the_same_idempotency_key_gets_the_same_answer(post, path, row, model):
    first = post(path, row, Idempotency_Key="k1")
    again = post(path, row, Idempotency_Key="k1")
    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    assert first.json()["accepted"] == 1
    assert again.headers["Idempotency-Replayed"] == "true"
    assert post(path, [row], Idempotency_Key="k1").status_code == 422
    assert model.objects.count() == 1


def test_a_refused_request_burns_no_key(post):
    assert post("events", [], Idempotency_Key="k1").status_code == 400
    assert post("events", EVENT, Idempotency_Key="k1").json()["accepted"] == 1


def test_a_large_body_is_refused_unread(post, settings):
    assert post("events", b" " * 10_000_000).status_code == 413
    settings.API_MAX_BODY_BYTES = 1000
    assert "1,000 bytes" in post("items", {"external_id": "i1", "title": "x" * 1000}).json()["detail"]
    assert post("items", {"external_id": "i1", "title": "x" * 100}).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"null",
        b"7",
        b'"text"',
        b"[1, null, [], {}]",
        b"[[[]]]",
    ],
)
def test_a_body_that_makes_no_sense_gets_a_clear_answer(post, body):
    response = post("events", body)
    assert response.status_code in (400, 422)
    assert "detail" in response.json() or response.json()["refused"]


@pytest.mark.parametrize(
    ("field", "raw", "reason"),
    [
        ("value", "NaN", "bad_value"),
        ("value", "-Infinity", "bad_value"),
        ("value", "1e400", "bad_value"),
        ("price", "NaN", "bad_price"),
        ("price", "1e400", "bad_price"),
        ("price", '"1e999999999"', "bad_price"),
        ("price", "-1", "bad_price"),
        ("price", '"12,50"', "bad_price"),
        ("price", "[]", "bad_price"),
        ("currency", '"euro"', "bad_currency"),
        ("quantity", "1.5", "bad_quantity"),
        ("quantity", "99999999999999999999", "bad_quantity"),
        ("quantity", "true", "bad_quantity"),
        ("item_id", '"nul\\u0000"', "bad_item_id"),
        ("item_id", '"half \\ud83d"', "bad_item_id"),
        ("item_id", f'"{"x" * 1000}"', "bad_item_id"),
        ("item_id", "12", "bad_item_id"),
        ("message_id", f'"{"x" * 1000}"', "bad_message_id"),
        ("message_id", '"  "', "missing_message_id"),
        ("customer_id", '"\\u0000"', "bad_customer_id"),
        ("occurred_at", '"1970-01-01T00:00:00Z"', "too_old"),
        ("occurred_at", '"2099-01-01T00:00:00Z"', "in_the_future"),
        ("occurred_at", '"2026-03-01T12:00:00"', "bad_occurred_at"),
        ("occurred_at", "1767225600", "bad_occurred_at"),
        ("type", '"teleport"', "unknown_type"),
        ("type", '"\\ud800"', "unknown_type"),
        ("context", '{"a": NaN}', "bad_context"),
        ("context", '{"a": 1e400}', "bad_context"),
        ("context", '{"a": "\\u0000"}', "bad_context"),
        ("context", '{"a": "\\udfff"}', "bad_context"),
        ("context", '{"\\u0000": 1}', "bad_context"),
        ("context", '"text"', "bad_context"),
        ("colour\\u0000", '"red"', "unknown_field"),
        ("\\ud800", '"red"', "unknown_field"),
    ],
)
def test_one_bad_value_costs_its_row_and_no_other(post, field, raw, reason):
    good = [json.dumps({**EVENT, "message_id": f"m{n}", "item_id": "🎁"}) for n in (1, 2)]
    bad = json.dumps({**EVENT, "message_id": "bad", "currency": "GBP", "price": 1}).removesuffix("}")
    response = post("events", f'[{good[0]}, {bad}, "{field}": {raw}}}, {good[1]}]'.encode(), Idempotency_Key="k1")
    assert response.status_code == 200
    assert response.json()["accepted"] == 2
    assert [(row["index"], row["reason"]) for row in response.json()["refused"]] == [(1, reason)]
    assert Event.objects.filter(item__external_id="🎁").count() == 2


def test_an_id_that_cannot_be_stored_is_refused_and_its_example_kept(post):
    row = {"external_id": "a\x00b", "title": "caf\u00c3\u00a9", "currency": "EUR"}
    answer = post("items", row)
    assert answer.status_code == 422
    assert [refused["reason"] for refused in answer.json()["refused"]] == ["bad_external_id"]
    assert "a\ufffdb" in set(QualitySample.objects.values_list("reference", flat=True))


def test_an_address_with_a_line_break_is_not_found_in_json(post):
    answer = post("customers/a%0Ab/consents", {})
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/json")


def test_what_json_allows_is_kept_as_it_came(post):
    context = {"emoji": '👩‍👩‍👧 \\ " ,}{ \n\t', "null": None, "big": 2**63, "deep": [[[{"a": 1.5}]]]}
    assert post("events", {**EVENT, "context": context, "item_id": 'NULL,"\\{}'}).json()["accepted"] == 1
    event = Event.objects.select_related("item").get()
    assert event.context == context
    assert event.item.external_id == 'NULL,"\\{}'


def test_the_first_content_of_a_message_id_holds(post):
    assert post("events", [EVENT, {**EVENT, "type": "purchase", "item_id": "i2"}]).json()["duplicates"] == 1
    assert post("events", {**EVENT, "type": "wishlist", "customer_id": "c9"}).json()["duplicates"] == 1
    event = Event.objects.select_related("item", "customer").get()
    assert (event.item.external_id, event.customer.external_id, event.type) == ("i1", "c1", 1)
    assert QualityCount.objects.get(reason="duplicate").rows == 2


def test_a_uuid_counts_once_however_it_is_written(post):
    message_id = uuid.uuid4()
    rows = [{**EVENT, "message_id": text} for text in (str(message_id), str(message_id).upper())]
    assert post("events", rows).json() == {"accepted": 1, "duplicates": 1, "refused": []}


def test_a_key_that_asks_too_often_is_told_when_to_come_back(post, settings, monkeypatch):
    settings.API_RATE_LIMIT = 3
    monkeypatch.setattr(throttling.time, "time", lambda: 1_000_000_020.0)  # a minute of its own, 20 seconds old
    key = ApiKey.objects.get()
    throttling._redis().delete(f"api-requests:{key.pk}:{1_000_000_020 // 60}")
    answers = [post("events", {**EVENT, "message_id": f"m{n}"}) for n in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert answers[0].headers["RateLimit-Limit"] == "3"
    assert answers[3].headers["Retry-After"] == answers[3].headers["RateLimit-Reset"]
    assert Event.objects.count() == 3


def test_processes_take_their_requests_from_redis_a_share_at_a_time(monkeypatch):
    redis_, name = throttling._redis(), "api-requests:-1:7"
    redis_.delete(name)
    ours = [throttling._count(-1, 7, 4) for _ in range(3)]
    monkeypatch.setattr(throttling, "_shares", {})  # another process
    theirs = [throttling._count(-1, 7, 4) for _ in range(6)]
    assert (ours, theirs) == ([1, 2, 3], [5, 6, 7, 8, 9, 10])
    assert redis_.get(name) == b"12"
    assert 0 < redis_.ttl(name) <= 2 * throttling.WINDOW
    assert throttling._count(-1, 8, 4) == 1, "a new minute"
    redis_.delete(name, "api-requests:-1:8")


def test_without_redis_nobody_is_refused(post, monkeypatch):
    nobody = redis.Redis(unix_socket_path="/nowhere")
    monkeypatch.setattr(throttling, "_redis", lambda: nobody)
    assert post("events", EVENT).json()["accepted"] == 1


def test_a_revoked_key_is_forgotten_at_once_here_and_soon_elsewhere(post, monkeypatch):
    assert post("events", EVENT).status_code == 200
    ApiKey.objects.update(revoked_at=timezone.now())  # as another process does it
    later = time.monotonic() + 6
    monkeypatch.setattr("users.api_keys.time.monotonic", lambda: later)
    assert post("events", EVENT).status_code == 401


def test_revoking_is_immediate_in_this_process(post):
    assert post("events", EVENT).status_code == 200
    revoke_api_key(api_key=ApiKey.objects.get())
    assert post("events", EVENT).status_code == 401


def test_when_all_slots_are_taken_the_others_are_asked_to_come_back(post, settings, monkeypatch):
    monkeypatch.setattr(pressure, "WAIT", 0.01)
    held = [pressure.ingest_slot() for _ in range(settings.API_INGEST_SLOTS)]
    for slot in held:
        slot.__enter__()
    answer = post("events", EVENT, Idempotency_Key="k1")
    for slot in held:
        slot.__exit__(None, None, None)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "2")
    assert post("events", EVENT, Idempotency_Key="k1").json()["accepted"] == 1


@pytest.fixture
def short_statements(transactional_db):
    """Statements have 200 ms, but not those that empty the tables afterwards."""
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 200")
    yield
    with connection.cursor() as cursor:
        cursor.execute("RESET statement_timeout")


def test_a_database_that_hangs_asks_to_come_back_and_loses_nothing(post, short_statements):
    other = connections.create_connection("default")
    with transaction_of(other) as cursor:
        cursor.execute("LOCK TABLE users_eventkey IN ACCESS EXCLUSIVE MODE")
        answer = post("events", EVENT, Idempotency_Key="k1")
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert "send it again" in answer.json()["detail"]
    assert post("events", EVENT, Idempotency_Key="k1").json()["accepted"] == 1


@contextmanager
def transaction_of(other):
    """A cursor of another connection, in a transaction that is undone."""
    other.set_autocommit(False)
    try:
        with other.cursor() as cursor:
            yield cursor
    finally:
        other.rollback()
        other.close()


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_away_is_a_503(post, monkeypatch):
    with monkeypatch.context() as away:
        away.setitem(connection.settings_dict, "HOST", "/nowhere")
        connection.close()
        answer = post("events", EVENT)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert post("events", EVENT).json()["accepted"] == 1


def test_twenty_clients_retrying_the_same_batch_at_once_over_http(live_server, transactional_db):
    token = create_api_key(name="shop", scope=ApiScope.SERVER)[1]
    batch = [{**EVENT, "message_id": f"m{n}", "customer_id": f"c{n % 7}", "item_id": f"i{n % 5}"} for n in range(100)]
    answers, start = [], threading.Barrier(20)

    def client(number: int) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        if number % 2:
            headers["Idempotency-Key"] = "the same"
        start.wait()
        url = f"{live_server.url}/api/v1/events/"
        while (answer := requests.post(url, json=batch, headers=headers, timeout=60)).status_code == 429:
            time.sleep(int(answer.headers["Retry-After"]))
        answers.append(answer)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} == {200}
    assert Event.objects.count() == EventKey.objects.count() == 100
    counted = [answer.json() for answer in answers if "Idempotency-Replayed" not in answer.headers]
    assert sum(body["accepted"] for body in counted) == 100
    assert all(body["accepted"] + body["duplicates"] == 100 for body in counted)
    assert Customer.objects.count() == 7
