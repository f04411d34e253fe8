from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from catalog.models import Item
from catalog.services import ItemInput, upsert_items
from users.api.segment_io.messages import translate
from users.choices import EventType
from users.ingestion import (
    CustomerInput,
    EventInput,
    OrderInput,
    OrderLine,
    ingest_customers,
    ingest_events,
    ingest_orders,
    ingest_tracking,
)
from users.ingestion.cleaning.mend import mend_country, mend_language
from users.models import Customer, Event, IntakeCount, Order, QualityCount, QualitySample

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def view(message_id: str = "m", **changes) -> EventInput:
    return replace(EventInput(message_id, "view", NOON, "c1", item_id="i1"), **changes)


def counted(reason: str) -> int:
    return sum(QualityCount.objects.filter(reason=reason).values_list("rows", flat=True))


def test_events_orders_customers_and_items_meet_under_the_same_mended_id():
    upsert_items(items=[ItemInput(" ｉ1 ", "CafÃ©", currency="gbp")])
    ingest_customers(customers=[CustomerInput("ｃ1", country="deutschland", language="en_US.UTF-8")], source="test")
    ingest_events(events=[view(customer_id="c1 ", item_id="i1\u3000")], source="test")
    lines = (OrderLine(" i1", 1, Decimal(3)),)
    ingest_orders(orders=[OrderInput("o1 ", "c1\n", NOON, "gbp", lines)], source="test")
    identify = {"type": "identify", "messageId": "ｍ2", "anonymousId": "v1\u00a0", "userId": " ｃ1"}
    batch, refused = translate([identify], sent_at=None, received_at=NOON, currency="GBP")
    assert batch.identities[0][0].message_id == "ｍ2"  # it decides what is counted, and is never touched
    ingest_tracking(batch=batch, source="test", refused=refused)
    customer = Customer.objects.get(external_id="c1")
    assert (customer.country, customer.language) == ("DE", "en-us")
    assert list(Customer.objects.filter(merged_into=None).values_list("external_id", flat=True)) == ["c1"]
    assert list(Customer.objects.filter(merged_into=customer).values_list("anonymous_id", flat=True)) == ["v1"]
    item = Item.objects.get()
    assert (item.external_id, item.title, item.currency) == ("i1", "Café", "GBP")
    assert Order.objects.get().external_id == "o1"
    assert Event.objects.filter(customer=customer, item=item).count() == 2
    for reason in ("trimmed", "full_width", "mojibake", "currency_code", "country_name", "language_tag"):
        assert counted(reason) > 0, reason


def test_a_negative_purchase_is_a_refund_and_any_other_negative_quantity_is_refused():
    result = ingest_events(
        events=[
            view("a", type="purchase", quantity=-3, price=Decimal(2), currency="GBP"),
            view("b", type="add_to_cart", quantity=-3),
        ],
        source="test",
    )
    assert [row.reason for row in result.refused] == ["bad_quantity"]
    event = Event.objects.get()
    assert (event.type, event.quantity) == (EventType.REFUND, 3)
    assert counted("negative_quantity") == 1


@pytest.mark.parametrize(
    ("name", "code"),
    [
        *(("DE", "DE"), ("de", "DE"), ("DEU", "DE"), ("Germany", "DE"), ("德国", "DE"), (" UK ", "GB"), ("EIRE", "IE")),
        *(("中国", "CN"), ("USA", "US"), ("Atlantis", "Atlantis")),
    ],
)
def test_countries_by_name(name, code):
    assert mend_country(name)[0] == code


@pytest.mark.parametrize(
    ("tag", "mended"),
    [("en", "en"), ("zh_CN", "zh-cn"), ("pt-BR", "pt-br"), ("Deutsch", "de"), ("简体中文", "zh-hans"), ("?", "?")],
)
def test_language_tags(tag, mended):
    assert mend_language(tag)[0] == mended


def test_nothing_is_sold_before_the_shop_opened(settings):
    settings.SHOP_OPENED = date(2026, 3, 1)
    settings.TIME_ZONE = "UTC"
    events = [view("a", occurred_at=NOON - timedelta(hours=13)), view("b", occurred_at=NOON - timedelta(hours=11))]
    result = ingest_events(events=events, source="test")
    assert [(row.index, row.reason) for row in result.refused] == [(0, "before_shop_opened")]


def test_examples_show_the_value_but_nothing_personal():
    ingest_customers(customers=[CustomerInput("c1", email="ann.smith example.com")], source="test")
    ingest_events(events=[view("m1", type="teleport"), view("m2", customer_id="bob@x.org ")], source="test")
    samples = {sample.reason: sample for sample in QualitySample.objects.all()}
    assert (samples["bad_email"].reference, samples["bad_email"].value) == ("c1", "email: xxx.xxxxx xxxxxxx.xxx")
    assert (samples["unknown_type"].reference, samples["unknown_type"].value) == ("m1", "type: teleport")
    assert "bob" not in samples["trimmed"].value


def test_only_the_newest_examples_are_kept_and_all_rows_counted():
    for batch in range(3):
        ingest_events(events=[view(f"{batch}-{n}", type=f"t{batch}-{n}") for n in range(15)], source="x" * 300)
    assert counted("unknown_type") == 45
    values = set(QualitySample.objects.values_list("value", flat=True))
    assert len(values) == 20
    assert {f"type: t2-{n}" for n in range(15)} <= values
    assert {f"type: t1-{n}" for n in range(10, 15)} <= values


def test_what_came_in_is_counted_once_so_that_losses_are_a_share_of_it():
    for _time in range(2):
        ingest_events(events=[view("a"), view("b"), view("c", type="?")], source="test")
    assert sum(IntakeCount.objects.filter(source="test").values_list("rows", flat=True)) == 2


def test_an_order_that_nobody_has_sent_is_counted():
    ingest_events(events=[view("a", order_id="o9")], source="test")
    assert Event.objects.get().order is None
    assert counted("unknown_order") == 1
