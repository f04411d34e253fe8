"""Web push against a push service that checks signatures and decrypts, and against the RFC's own example."""

import json
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from notifications.channels.base import (
    Address,
    BadAddressError,
    Mailing,
    Notice,
    OutcomeUnknownError,
    PermanentError,
    ThrottledError,
    TransientError,
)
from notifications.channels.webpush.channel import WebPushChannel
from notifications.channels.webpush.encryption import encrypt
from notifications.channels.webpush.vapid import new_private_key, public_key
from tests.factories import CustomerFactory
from tests.notifications.push_service import Browser, from_base64url, push_service
from users.choices import Channel, DisabledReason
from users.devices import WebSubscription, address_hashes
from users.models import Device

MAILING = Mailing(run_id=1, campaign_id=7, token="t")


def private_key(text: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(from_base64url(text), "big"), ec.SECP256R1())


class TestTheRfcsExample:
    """RFC 8291, appendix A."""

    PLAIN = b"When I grow up, I want to be a watermelon"
    BODY = (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml"
        "mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT"
        "pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )
    SUBSCRIPTION = WebSubscription(
        "https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV",
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        "BTBZMqHH6r4Tts7J_aSIgg",
    )

    def test_it_is_encrypted_to_the_same_bytes(self):
        sender = private_key("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")
        salt = from_base64url("DGv6ra1nlYgDCS1FRnbzlw")
        assert encrypt(self.PLAIN, self.SUBSCRIPTION, salt=salt, private_key=sender) == from_base64url(self.BODY)

    def test_the_push_service_of_these_tests_reads_it(self):
        browser = Browser(
            "ua",
            "",
            key=private_key("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"),
            auth=from_base64url("BTBZMqHH6r4Tts7J_aSIgg"),
        )
        assert browser.subscription.p256dh == self.SUBSCRIPTION.p256dh
        assert browser.read(from_base64url(self.BODY)) == self.PLAIN


@pytest.fixture
def service(settings):
    settings.ALLOW_PRIVATE_TARGETS = True
    settings.VAPID_PRIVATE_KEY = new_private_key()
    settings.VAPID_SUBJECT = "mailto:offers@shop.example"
    with push_service(public_key()) as running:
        yield running


def notice(*browsers: Browser, number: int = 1, **options) -> Notice:
    addresses = tuple(Address(each.subscription.text(), id=place) for place, each in enumerate(browsers, start=1))
    said = {"title": "买二送一", "body": "For you, Ada", "url": "https://shop.example/t/c/1", **options}
    return Notice(message_id=number, customer_id=1, addresses=addresses, **said)


def deliver(*notices: Notice):
    with WebPushChannel(MAILING) as channel:
        return list(channel.deliver(iter(notices)))


def test_the_browser_reads_what_was_sent_and_the_service_knows_who_sent_it(service):
    browser = service.browser("ada")
    [receipt] = deliver(notice(browser, image_url="https://shop.example/1.png", data={"coupon": "X"}))
    assert (receipt.error, receipt.provider_id) == (None, f"{service.origin}/message/1")
    assert service.problems == []
    assert browser.shown == [
        {
            "title": "买二送一",
            "body": "For you, Ada",
            "url": "https://shop.example/t/c/1",
            "tag": "apropos-1",
            "data": {"coupon": "X"},
            "image": "https://shop.example/1.png",
        }
    ]


def test_time_to_live_urgency_and_topic_are_said(service):
    deliver(notice(service.browser("ada"), ttl=timedelta(hours=2)))
    sent = service.requests[0]
    assert (sent["ttl"], sent["urgency"], sent["topic"]) == ("7200", "normal", "campaign-7")


def test_another_key_is_noticed(service, settings):
    settings.VAPID_PRIVATE_KEY = new_private_key()
    [receipt] = deliver(notice(service.browser("ada")))
    assert service.problems == ["signed by somebody else"]
    assert isinstance(receipt.error, PermanentError)
    assert not isinstance(receipt.error, BadAddressError)


@pytest.mark.parametrize(
    ("answer", "error", "dead"),
    [
        (404, BadAddressError, 1),
        (410, BadAddressError, 1),
        (413, PermanentError, 0),
        (400, PermanentError, 0),
        (302, PermanentError, 0),
        (429, ThrottledError, 0),
        (500, TransientError, 0),
        (503, TransientError, 0),
        (0, OutcomeUnknownError, 0),
    ],
)
def test_answers_are_told_apart(service, answer, error, dead):
    [receipt] = deliver(notice(service.browser("ada", answer=answer)))
    assert type(receipt.error) is error
    assert len(receipt.dead) == dead


@pytest.mark.parametrize(("said", "seconds"), [("120", 120), ("", None), ("soon", None), ("99999999", 86_400)])
def test_how_long_to_wait_is_handed_on(service, said, seconds):
    [receipt] = deliver(notice(service.browser("ada", answer=429, headers={"Retry-After": said})))
    assert receipt.error.retry_after == seconds


def test_a_date_to_wait_until_is_understood(service):
    when = (timezone.now() + timedelta(minutes=10)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    [receipt] = deliver(notice(service.browser("ada", answer=429, headers={"Retry-After": when})))
    assert 540 < receipt.error.retry_after <= 600


def test_one_living_device_is_enough_and_the_dead_ones_are_named(service):
    dead, living = service.browser("dead", answer=410), service.browser("living")
    [receipt] = deliver(notice(dead, living))
    assert receipt.error is None
    assert [address.id for address in receipt.dead] == [1]
    assert len(living.shown) == 1


def test_one_bad_device_does_not_stop_the_others(service):
    browsers = [service.browser(f"b{n}", answer=(201, 410, 500, 0)[n % 4]) for n in range(40)]
    receipts = deliver(*(notice(browser, number=n) for n, browser in enumerate(browsers)))
    assert sorted(receipt.message_id for receipt in receipts) == list(range(40))
    assert [len(browser.shown) for browser in browsers] == [1, 0, 0, 0] * 10


def test_nobody_listening_is_tried_again(service):
    gone = Browser("x", "http://127.0.0.1:9/send/x")
    [receipt] = deliver(notice(gone))
    assert type(receipt.error).__mro__[1] is TransientError


def test_an_endpoint_inside_our_own_network_is_never_called(service, settings):
    settings.ALLOW_PRIVATE_TARGETS = False
    [receipt] = deliver(notice(service.browser("ada")))
    assert isinstance(receipt.error, BadAddressError)
    assert service.requests == []


def test_a_picture_that_makes_it_too_large_is_left_out(service):
    browser = service.browser("ada")
    [receipt] = deliver(notice(browser, image_url="https://shop.example/" + "i" * 3900))
    assert receipt.error is None
    assert "image" not in browser.shown[0]
    [receipt] = deliver(notice(browser, body="x" * 5000))
    assert isinstance(receipt.error, PermanentError)
    assert "3,993" in str(receipt.error)


def test_without_a_key_it_says_how_to_make_one(settings):
    settings.VAPID_PRIVATE_KEY = ""
    with pytest.raises(ImproperlyConfigured, match="make_vapid_key"):
        public_key()


@pytest.mark.django_db
def test_devices_are_found_and_those_that_are_gone_are_disabled(service):
    ada, bob = CustomerFactory.create_batch(2)
    for number, customer in enumerate([ada, ada, bob]):
        text = service.browser(f"b{number}").subscription.text()
        known_by = json.loads(text)["endpoint"]
        Device.objects.create(
            customer=customer,
            channel=Channel.WEBPUSH,
            address=text,
            address_hash=address_hashes([known_by])[known_by],
            last_seen_at=timezone.now(),
        )
    found = WebPushChannel.addresses([ada.pk, bob.pk])
    assert {customer: len(addresses) for customer, addresses in found.items()} == {ada.pk: 2, bob.pk: 1}
    WebPushChannel.retire(found[ada.pk][:1])
    assert [len(each) for each in WebPushChannel.addresses([ada.pk]).values()] == [1]
    assert Device.objects.exclude(disabled_at=None).get().disabled_reason == DisabledReason.GONE
