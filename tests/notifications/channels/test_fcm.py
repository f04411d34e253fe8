"""Android push against a server that speaks Google's OAuth and Firebase's HTTP v1 protocol, errors included."""

import json
import time
from urllib.parse import parse_qs

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
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
from notifications.channels.fcm import token
from notifications.channels.fcm.channel import FcmChannel
from tests.notifications.http_server import http_server

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ERRORS = "type.googleapis.com/google.firebase.fcm.v1.FcmError"


def refusal(status: int, name: str, code: str = "", **detail) -> str:
    details = [{"@type": ERRORS, "errorCode": code}] if code else []
    return json.dumps(
        {"error": {"code": status, "status": name, "message": name.lower(), "details": [*details, detail]}}
    )


@pytest.fixture
def google(settings, tmp_path):
    """`said` maps a registration token to an answer; `tokens` are the access tokens that are good."""
    settings.ALLOW_PRIVATE_TARGETS = True
    said, tokens = {}, []

    def answer(posted):
        if posted.path == "/token":
            form = {name: value for name, [value] in parse_qs(posted.body.decode()).items()}
            assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
            claims = jwt.decode(
                form["assertion"], KEY.public_key(), algorithms=["RS256"], audience=f"{server.url}/token"
            )
            assert claims["scope"] == "https://www.googleapis.com/auth/firebase.messaging"
            assert claims["exp"] - time.time() <= 3600
            tokens.append(f"access-{len(tokens)}")
            return 200, {}, json.dumps({"access_token": tokens[-1], "expires_in": 3600}).encode()
        if posted.headers["authorization"] != f"Bearer {tokens[-1]}" if tokens else True:
            return 401, {}, refusal(401, "UNAUTHENTICATED").encode()
        message = json.loads(posted.body)["message"]
        status, headers, body = said.get(message["token"], (200, {}, ""))
        body = body or json.dumps({"name": f"projects/shop/messages/{len(server.posted)}"})
        return status, headers, body.encode()

    with http_server(answer) as server:
        key = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        account = {"project_id": "shop", "client_email": "a@shop.example", "private_key": key}
        (tmp_path / "account.json").write_text(json.dumps({**account, "token_uri": f"{server.url}/token"}))
        settings.FCM_CREDENTIALS, settings.FCM_URL = str(tmp_path / "account.json"), server.url
        server.said, server.tokens = said, tokens
        yield server


def deliver(*tokens: str, **options):
    addresses = tuple(Address(each, id=place) for place, each in enumerate(tokens, start=1))
    said = {"title": "二", "body": "For you", "url": "https://x.example/", **options}
    notice = Notice(message_id=5, customer_id=1, addresses=addresses, **said)
    with FcmChannel(Mailing(run_id=1, campaign_id=7, token="t")) as channel:
        return list(channel.deliver(iter([notice])))


def test_a_message_arrives_as_firebase_wants_it(google):
    [receipt] = deliver("phone-one", data={"coupon": "X"}, image_url="https://x.example/1.png")
    assert (receipt.error, receipt.provider_id) == (None, "projects/shop/messages/2")
    sent = google.posted[-1]
    assert sent.path == "/v1/projects/shop/messages:send"
    assert json.loads(sent.body)["message"] == {
        "token": "phone-one",
        "notification": {"title": "二", "body": "For you", "image": "https://x.example/1.png"},
        "data": {"coupon": "X", "url": "https://x.example/", "message_id": "5"},
        "android": {"ttl": "86400s", "collapse_key": "campaign-7", "notification": {"tag": "apropos-5"}},
    }


def test_one_access_token_serves_many_messages(google):
    [receipt] = deliver(*(f"phone-{number}" for number in range(30)))
    assert receipt.error is None
    assert len(google.tokens) == 1


def test_a_token_withdrawn_before_its_time_is_renewed_once(google):
    deliver("phone-one")
    google.tokens.append("another one")
    [receipt] = deliver("phone-one")
    assert receipt.error is None
    assert len(google.tokens) == 3


@pytest.mark.parametrize(
    ("status", "headers", "body", "error", "dead"),
    [
        (404, {}, refusal(404, "NOT_FOUND", "UNREGISTERED"), BadAddressError, 1),
        (
            *(400, {}),
            refusal(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", fieldViolations=[{"field": "message.token"}]),
            *(BadAddressError, 1),
        ),
        (400, {}, refusal(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"), PermanentError, 0),
        (403, {}, refusal(403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH"), PermanentError, 0),
        (404, {}, "<html>", PermanentError, 0),
        (429, {"Retry-After": "60"}, refusal(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"), ThrottledError, 0),
        (503, {"Retry-After": "60"}, refusal(503, "UNAVAILABLE", "UNAVAILABLE"), ThrottledError, 0),
        (503, {}, refusal(503, "UNAVAILABLE", "UNAVAILABLE"), TransientError, 0),
        (500, {}, "[]", TransientError, 0),
        (0, {}, "-", OutcomeUnknownError, 0),
    ],
)
def test_answers_are_told_apart(google, status, headers, body, error, dead):
    google.said["phone-one"] = (status, headers, body)
    [receipt] = deliver("phone-one")
    assert type(receipt.error) is error
    assert len(receipt.dead) == dead
    if error is ThrottledError:
        assert receipt.error.retry_after == 60


def test_nobody_there_rests_the_channel(google, settings):
    deliver("phone-one")
    settings.FCM_URL = "http://127.0.0.1:9"
    [receipt] = deliver("phone-one")
    assert type(receipt.error) is ThrottledError


def test_a_wrong_file_is_named(settings, tmp_path):
    settings.FCM_CREDENTIALS = str(tmp_path / "missing.json")
    with pytest.raises(ImproperlyConfigured, match="FCM_CREDENTIALS"):
        token.service_account()
