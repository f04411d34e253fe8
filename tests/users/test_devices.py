"""Devices register, move, fall silent and are forgotten; nobody gets at another's by a write key."""

import base64
import json
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.db import connection
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from tests.factories import CustomerFactory
from users.api_keys import create_api_key
from users.choices import ApiScope, Channel, DisabledReason
from users.devices import WebSubscription, disable_devices, live_devices
from users.ingestion.devices import MAX_PER_CUSTOMER
from users.ingestion.identities import identify
from users.models import Consent, Customer, Device
from users.privacy.access import COMMAND
from users.privacy.erase import erase_customer
from users.privacy.export import export_customer
from users.privacy.retention import apply_retention
from users.privacy.rotation import rotate_keys

pytestmark = pytest.mark.django_db


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


POINT = base64url(
    ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
)
BROWSER = {
    "channel": "webpush",
    "anonymous_id": "a1",
    "endpoint": "https://push.example/send/1",
    "p256dh": POINT,
    "auth": base64url(b"0123456789abcdef"),
}
PHONE = {"channel": "fcm", "customer_id": "c1", "token": "Token:one", "platform": "Pixel 9", "language": "de"}


def client(scope=ApiScope.SERVER) -> APIClient:
    key = create_api_key(name=f"{scope} key", scope=scope)[1]
    made = APIClient()
    made.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    return made


@pytest.fixture
def server() -> APIClient:
    return client()


def register(caller: APIClient, *rows):
    return caller.post("/api/v1/devices/", list(rows)).json()


def test_a_device_registers_for_a_customer_who_is_not_known_yet(server):
    assert register(server, PHONE) == {"accepted": 1, "duplicates": 0, "refused": []}
    device = Device.objects.get()
    assert (device.customer.external_id, device.address, device.platform, device.language) == (
        *("c1", "Token:one"),
        *("Pixel 9", "de"),
    )


def test_tokens_are_encrypted_and_told_apart_by_case(server):
    register(server, PHONE, {**PHONE, "token": "token:ONE"})
    with connection.cursor() as cursor:
        cursor.execute("SELECT address FROM users_device")
        stored = [token for (token,) in cursor.fetchall()]
    assert len(stored) == 2
    assert not any("oken" in token for token in stored)


def test_registering_again_keeps_one_row_and_wakes_it(server):
    register(server, PHONE)
    Device.objects.update(last_seen_at=timezone.now() - timedelta(days=9))
    disable_devices(device_ids=[Device.objects.get().pk], reason=DisabledReason.GONE)
    register(server, {**PHONE, "platform": ""})
    device = Device.objects.get()
    assert (device.disabled_at, device.disabled_reason, device.platform) == (None, "", "Pixel 9")
    assert device.last_seen_at > timezone.now() - timedelta(minutes=1)


def test_a_phone_that_changed_hands_belongs_to_its_new_owner(server):
    register(server, PHONE)
    register(server, {**PHONE, "customer_id": "c2"})
    assert Device.objects.get().customer.external_id == "c2"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"channel": "email"}, "bad_channel"),
        ({"endpoint": "http://push.example/1"}, "bad_endpoint"),
        ({"endpoint": "https://"}, "bad_endpoint"),
        ({"endpoint": "https://[::1/x"}, "bad_endpoint"),
        ({"p256dh": "AAAA"}, "bad_p256dh"),
        ({"p256dh": base64url(b"\x04" + b"\x01" * 64)}, "bad_p256dh"),
        ({"auth": "é"}, "bad_auth"),
        ({"auth": base64url(b"short")}, "bad_auth"),
        ({"anonymous_id": ""}, "missing_customer_id"),
        ({"channel": "fcm", "token": "with space"}, "bad_token"),
        ({"channel": "apns", "token": "not-hexadecimal"}, "bad_token"),
        ({"colour": "red"}, "unknown_field"),
    ],
)
def test_what_cannot_be_written_to_is_refused_with_its_index(server, change, reason):
    body = register(server, BROWSER, {**BROWSER, **change})
    assert body["accepted"] == 1
    assert [(row["index"], row["reason"]) for row in body["refused"]] == [(1, reason)]


def test_a_write_key_registers_the_browser_of_a_visitor_only():
    browser = client(ApiScope.WRITE)
    body = register(browser, BROWSER, {**BROWSER, "customer_id": "c1"}, {**PHONE, "customer_id": ""}, PHONE)
    assert body["accepted"] == 1
    assert {row["reason"] for row in body["refused"]} == {"not_allowed", "missing_customer_id"}
    assert Device.objects.get().customer.anonymous_id == "a1"


def test_pages_of_another_origin_may_call_it():
    answer = Client().options("/api/v1/devices/", headers={"origin": "https://shop.example"})
    assert (answer.status_code, answer["Access-Control-Allow-Origin"]) == (204, "*")
    assert "Authorization" in answer["Access-Control-Allow-Headers"]


def test_the_answer_to_the_prompt_enters_the_ledger_once():
    browser = client(ApiScope.WRITE)
    for consent in (True, True, False):
        register(browser, {**BROWSER, "consent": consent, "text_version": "2026-1"})
    assert list(Consent.objects.order_by("pk").values_list("channel", "granted", "text_version")) == [
        ("webpush", True, "2026-1"),
        ("webpush", False, "2026-1"),
    ]


def test_a_visitor_who_identifies_takes_the_device_along(server):
    register(server, BROWSER)
    identify(pairs=[("a1", "c1")])
    customer = Customer.objects.get(external_id="c1")
    assert Device.objects.get().customer == customer
    register(server, {**BROWSER, "endpoint": "https://push.example/send/2"})
    assert Device.objects.filter(customer=customer).count() == 2


def test_signing_off_silences_it_and_unknown_ones_are_no_error(server):
    register(server, BROWSER, PHONE)
    rows = [{"channel": "webpush", "endpoint": BROWSER["endpoint"]}, {"channel": "fcm", "token": "never seen"}]
    body = server.post("/api/v1/devices/sign-off/", [*rows, {"channel": "email"}]).json()
    assert (body["accepted"], body["duplicates"], body["refused"][0]["index"]) == (1, 1, 2)
    silent = Device.objects.get(channel=Channel.WEBPUSH)
    assert silent.disabled_reason == DisabledReason.SIGNED_OFF
    assert live_devices(customer_ids=[silent.customer_id], channel=Channel.WEBPUSH) == {}


def test_of_too_many_devices_those_seen_last_stay(server):
    rows = [{**PHONE, "token": f"device-token-{number}"} for number in range(MAX_PER_CUSTOMER + 2)]
    register(server, *rows[:2])
    Device.objects.update(last_seen_at=timezone.now() - timedelta(days=1))
    register(server, *rows[2:])
    surplus = Device.objects.exclude(disabled_at=None)
    assert {device.address for device in surplus} == {"device-token-0", "device-token-1"}
    assert {device.disabled_reason for device in surplus} == {DisabledReason.SURPLUS}


def test_devices_are_exported_and_erased(server):
    register(server, PHONE)
    customer = Customer.objects.get()
    exported = json.loads("".join(export_customer(customer=customer, actor=COMMAND)))
    assert exported["devices"][0]["token"] == "Token:one"
    erase_customer(customer=customer, actor=COMMAND)
    assert Device.objects.count() == 0
    assert register(server, PHONE)["refused"][0]["reason"] == "erased"


def test_devices_that_fell_silent_are_forgotten(server, settings):
    settings.DEVICES_KEEP_DAYS = 100
    register(server, PHONE, {**PHONE, "token": "another-one"})
    Device.objects.filter(address_hash=Device.objects.first().address_hash).update(
        last_seen_at=timezone.now() - timedelta(days=101)
    )
    assert [removal.rows for removal in apply_retention() if removal.rule.startswith("devices")] == [1]
    assert Device.objects.count() == 1


def test_devices_come_under_new_keys_with_the_customers(settings, server):
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.PII_KEYS = [old]
    register(server, PHONE, BROWSER)
    settings.PII_KEYS, settings.PII_LOOKUP_KEY = [new, old], "another"
    rotate_keys()
    settings.PII_KEYS = [new]
    register(server, PHONE, BROWSER)
    assert Device.objects.count() == 2
    browser = Device.objects.get(channel=Channel.WEBPUSH)
    assert WebSubscription.parse(browser.address) == WebSubscription(BROWSER["endpoint"], POINT, BROWSER["auth"])


def test_the_customers_page_lists_devices_without_their_tokens(admin_client):
    customer = CustomerFactory(external_id="c1")
    register(client(), PHONE)
    page = admin_client.get(f"/admin/users/customer/{customer.pk}/change/").content.decode()
    assert "Pixel 9" in page
    assert "Token:one" not in page
