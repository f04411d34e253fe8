"""One customer as one JSON document, whatever there is of it, and of nobody else."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.factories import CouponFactory, ItemFactory, MessageFactory, PredictionFactory, RecommendationFactory
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
from users.ingestion.identities import identify
from users.models import Customer, CustomerAccess
from users.privacy.access import COMMAND
from users.privacy.export import FORMAT, VERSION, export_customer

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECTIONS = {
    *("identities", "consents", "profile", "orders", "events", "accesses", "recommendations", "coupons"),
    *("feedback", "enrolments", "offer_uses", "points", "points_account", "tier_changes", "refused_topics"),
    *("redemptions", "decisions", "messages", "clicks", "suppressions", "devices", "inbox", "bot_marks", "predictions"),
}


@pytest.fixture
def customer(db) -> Customer:
    yes = (ConsentInput("email", granted=True, source="form"),)
    people = [CustomerInput(ref, email=f"{ref}@example.com", first_name="Zoë", consents=yes) for ref in ("c1", "c2")]
    ingest_customers(customers=people, source="test")
    identify(pairs=[("cookie", "c1")])
    lines = (OrderLine("i1", 2, Decimal("12.50")),)
    ingest_orders(orders=[OrderInput(f"o-{ref}", ref, NOON, "GBP", lines) for ref in ("c1", "c2")], source="test")
    searched = EventInput("m1", "search", NOON, "c1", context={"query": "blue mug"})
    ingest_events(events=[searched], source="test")
    return Customer.objects.get(external_id="c1")


def export(customer) -> dict:
    return json.loads("".join(export_customer(customer=customer, actor=COMMAND)))


def test_the_document_has_the_documented_shape(customer):
    document = export(customer)
    assert (document["format"], document["version"], document["shop"]) == (FORMAT, VERSION, "Test shop")
    assert set(document) == {"format", "version", "exported_at", "shop", *SECTIONS}
    assert all(isinstance(document[section], list) for section in SECTIONS)


def test_everything_of_the_customer_is_in_it_and_nothing_of_others(customer):
    item = ItemFactory(title="Red mug")
    RecommendationFactory(customer=customer, item_ids=[item.pk])
    PredictionFactory(customer=customer)
    PredictionFactory()
    coupon = CouponFactory(customer=customer)
    CouponFactory()
    MessageFactory(recipient__customer=customer, subject="For Zoë")
    document = export(customer)
    assert [row["external_id"] or row["anonymous_id"] for row in document["identities"]] == ["c1", "cookie"]
    assert document["identities"][0]["email"] == "c1@example.com"
    assert [row["granted"] for row in document["consents"]] == [True]
    assert [(row["order_id"], row["total"]) for row in document["orders"]] == [("o-c1", "25.00")]
    events = {row["type"]: row for row in document["events"]}
    assert events["search"]["context"] == {"query": "blue mug"}
    assert (events["purchase"]["item_id"], events["purchase"]["price"]) == ("i1", "12.50")
    assert events["purchase"]["occurred_at"] == "2026-03-01T12:00:00+00:00"
    assert [row["item_title"] for row in document["recommendations"]] == ["Red mug"]
    assert [row["purchase"] for row in document["predictions"]] == [0.1]
    assert [row["code"] for row in document["coupons"]] == [coupon.code]
    assert [row["subject"] for row in document["messages"]] == ["For Zoë"]
    assert [row["action"] for row in document["accesses"]] == ["exported"]
    assert "c2" not in json.dumps(document)


def test_a_long_history_takes_no_more_queries_and_comes_in_pieces(customer):
    def cost() -> tuple[int, int]:
        with CaptureQueriesContext(connection) as queries:
            pieces = list(export_customer(customer=customer, actor=COMMAND))
        return len([query for query in queries if "FETCH" not in query["sql"]]), len(pieces)

    queries, pieces = cost()
    ingest_events(events=[EventInput(f"v{n}", "view", NOON, "c1", "i1") for n in range(300)], source="test")
    assert cost() == (queries, pieces + 301)  # the access log has grown by one, too


def test_the_command_writes_a_file_that_only_its_owner_reads(customer, tmp_path, capsys):
    file = tmp_path / "c1.json"
    call_command("export_customer", "c1", output=file)
    assert json.loads(file.read_text())["identities"][0]["external_id"] == "c1"
    assert file.stat().st_mode & 0o077 == 0
    call_command("export_customer", "cookie")
    assert json.loads(capsys.readouterr().out)["identities"][0]["external_id"] == "c1"
    assert CustomerAccess.objects.filter(customer=customer, actor_kind="command").count() == 2
    with pytest.raises(CommandError, match="nobody"):
        call_command("export_customer", "nobody")


def test_the_erasing_command_asks_for_the_id(customer, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda question: "c2")
    with pytest.raises(CommandError, match="ids differ"):
        call_command("erase_customer", "c1")
    customer.refresh_from_db()
    assert customer.erased_at is None
    out = StringIO()
    call_command("erase_customer", "cookie", "--yes", stdout=out)
    customer.refresh_from_db()
    assert customer.erased_at is not None
    assert "users.Customer" in out.getvalue()
    other = Customer.objects.get(external_id="c2")
    call_command("erase_customer", f"--number={other.pk}", "--yes", stdout=out)
    other.refresh_from_db()
    assert other.erased_at is not None
    call_command("erase_customer", "c1", "--yes", stdout=out)
    assert "erased already" in out.getvalue()
    with pytest.raises(CommandError, match="nobody"):
        call_command("erase_customer", "nobody", "--yes")
