"""Outgoing webhooks: signed, tried again by kind, and never sent inside."""

import base64
import hmac
import json
import time

import pytest
from django.core.exceptions import ImproperlyConfigured

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
from notifications.channels.webhook.channel import WebhookChannel
from notifications.channels.webhook.signature import new_secret, signed_headers
from tests.factories import CustomerFactory
from tests.notifications.http_server import http_server


@pytest.fixture
def hook(settings):
    settings.ALLOW_PRIVATE_TARGETS = True
    settings.WEBHOOK_SECRET = new_secret()
    with http_server(lambda posted: server.says) as server:
        server.says = (204, {}, b"")
        settings.WEBHOOK_URL = f"{server.url}/hook"
        yield server


def deliver(number: int = 5):
    address = Address("c1", id=1, keys={"phone": "+49 30 1", "language": ""})
    notice = Notice(
        message_id=number, customer_id=1, addresses=(address,), title="二", body="For you", url="https://x.example/"
    )
    with WebhookChannel(Mailing(run_id=1, campaign_id=7, token="tok")) as channel:
        [receipt] = channel.deliver(iter([notice]))
    return receipt


def test_the_signature_is_that_of_standard_webhooks(settings):
    """The example of https://github.com/standard-webhooks/standard-webhooks/blob/main/libraries."""
    settings.WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    headers = signed_headers(
        webhook_id="msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp=1614265330, body=b'{"test": 2432232314}'
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_receiver_can_check_what_it_gets(hook, settings):
    receipt = deliver()
    assert (receipt.error, receipt.provider_id) == (None, "msg_tok_5")
    [posted] = hook.posted
    secret = base64.b64decode(settings.WEBHOOK_SECRET.removeprefix("whsec_"))
    signed = f"{posted.headers['webhook-id']}.{posted.headers['webhook-timestamp']}.".encode() + posted.body
    digest = base64.b64encode(hmac.digest(secret, signed, "sha256")).decode()
    assert posted.headers["webhook-signature"] == f"v1,{digest}"
    assert abs(time.time() - int(posted.headers["webhook-timestamp"])) < 60
    data = json.loads(posted.body)["data"]
    assert data["customer"] == {"id": "c1", "phone": "+49 30 1"}
    assert (data["title"], data["body"], data["url"], data["message_id"]) == (
        *("二", "For you"),
        *("https://x.example/", 5),
    )


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((422, {}, b'{"error": "bad_address"}'), BadAddressError),
        ((422, {}, b'["bad_address"]'), PermanentError),
        ((400, {}, b"no"), PermanentError),
        ((302, {"Location": "http://169.254.169.254/"}, b""), PermanentError),
        ((410, {}, b""), PermanentError),
        ((429, {"Retry-After": "7"}, b""), ThrottledError),
        ((503, {"Retry-After": "7"}, b""), ThrottledError),
        ((503, {}, b""), TransientError),
        ((500, {}, b""), TransientError),
        ((0, {}, b""), TransientError),
    ],
)
def test_answers_are_told_apart(hook, answer, error):
    hook.says = answer
    receipt = deliver()
    assert type(receipt.error) is error
    assert not isinstance(receipt.error, OutcomeUnknownError)  # the receiver knows a second copy by its id
    assert len(hook.posted) == 1


def test_a_second_try_carries_the_same_id(hook):
    hook.says = (500, {}, b"")
    deliver()
    deliver()
    assert len({posted.headers["webhook-id"] for posted in hook.posted}) == 1


def test_a_large_answer_is_not_read_to_its_end(hook):
    hook.says = (500, {}, b"x" * 5_000_000)
    assert len(str(deliver().error)) < 500


def test_a_private_address_is_refused_when_it_is_called(hook, settings):
    settings.ALLOW_PRIVATE_TARGETS = False
    settings.WEBHOOK_URL = settings.WEBHOOK_URL.replace("http://127.0.0.1", "https://localhost")
    receipt = deliver()
    assert type(receipt.error) is PermanentError
    assert hook.posted == []


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_c2hvcnQ=", "nothing", "whsec_é"])
def test_a_secret_that_protects_nothing_is_refused(settings, secret):
    settings.WEBHOOK_SECRET = secret
    with pytest.raises(ImproperlyConfigured, match="WEBHOOK_SECRET"):
        signed_headers(webhook_id="msg_1", timestamp=1, body=b"")


@pytest.mark.django_db
def test_customers_whom_the_shop_knows_are_reachable():
    ada = CustomerFactory(external_id="ada", phone="+49 30 1", language="de")
    visitor = CustomerFactory(external_id=None, anonymous_id="a1", email="")
    found = WebhookChannel.addresses([ada.pk, visitor.pk])
    assert {customer: (each.value, each.keys["phone"]) for customer, (each,) in found.items()} == {
        ada.pk: ("ada", "+49 30 1")
    }
