"""iOS push against a server that speaks HTTP/2 over TLS, checks tokens, and answers as Apple documents it."""

import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.core.exceptions import ImproperlyConfigured

from notifications.channels.apns import channel as module
from notifications.channels.apns import token
from notifications.channels.apns.channel import ApnsChannel
from notifications.channels.base import (
    Address,
    BadAddressError,
    Mailing,
    Notice,
    PermanentError,
    ThrottledError,
    TransientError,
)
from tests.notifications.certificates import certificate
from tests.notifications.http2_server import http2_server

KEY = ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def apple(settings, tmp_path, monkeypatch):
    """`said` maps a device token to status and reason; without an entry the message is taken."""
    (tmp_path / "key.p8").write_bytes(KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    settings.ALLOW_PRIVATE_TARGETS = True
    settings.APNS_KEY_FILE, settings.APNS_KEY_ID = str(tmp_path / "key.p8"), "KEY1234567"
    settings.APNS_TEAM_ID, settings.APNS_TOPIC = "TEAM123456", "example.shop"
    monkeypatch.setattr(token, "_key", token._key.__wrapped__)
    said = {}

    def answer(asked):
        name = asked.path.removeprefix("/3/device/")
        header = jwt.get_unverified_header(asked.headers["authorization"].removeprefix("bearer "))
        claims = jwt.decode(
            asked.headers["authorization"].removeprefix("bearer "), KEY.public_key(), algorithms=["ES256"]
        )
        assert (header["kid"], claims["iss"]) == ("KEY1234567", "TEAM123456")
        assert 0 <= time.time() - claims["iat"] < 3600
        status, reason = said.get(name, (200, ""))
        if isinstance(status, list):
            status, reason = status.pop(0)
        body = json.dumps({"reason": reason}).encode() if reason else b""
        return status, {"apns-id": asked.headers["apns-id"]}, body

    server_side, _ = certificate("localhost", tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    module._client.cache_clear()
    token._token.cache_clear()
    with http2_server(server_side, answer) as server:
        settings.APNS_URL = f"https://localhost:{server.port}"
        server.said = said
        yield server
    module._client.cache_clear()


def deliver(*tokens: str, **options):
    addresses = tuple(Address(each, id=place) for place, each in enumerate(tokens, start=1))
    said = {"title": "二", "body": "For you", "url": "https://x.example/", **options}
    notice = Notice(message_id=5, customer_id=1, addresses=addresses, **said)
    with ApnsChannel(Mailing(run_id=1, campaign_id=7, token="t")) as channel:
        return list(channel.deliver(iter([notice])))


def test_a_message_arrives_as_apple_wants_it(apple):
    [receipt] = deliver("aabbccdd", data={"coupon": "X"}, image_url="https://x.example/1.png")
    [asked] = apple.asked
    assert (receipt.error, receipt.provider_id) == (None, asked.headers["apns-id"])
    assert asked.path == "/3/device/aabbccdd"
    assert {name: asked.headers[name] for name in ("apns-topic", "apns-push-type", "apns-collapse-id")} == {
        "apns-topic": "example.shop",
        "apns-push-type": "alert",
        "apns-collapse-id": "campaign-7",
    }
    assert 86_000 < int(asked.headers["apns-expiration"]) - time.time() <= 86_400
    body = json.loads(asked.body)
    assert body["aps"]["alert"] == {"title": "二", "body": "For you"}
    assert (body["coupon"], body["url"], body["image_url"]) == ("X", "https://x.example/", "https://x.example/1.png")


def test_many_messages_share_few_connections(apple):
    [receipt] = deliver(*(f"{number:08x}" for number in range(60)))
    assert receipt.error is None
    assert len(apple.asked) == 60
    assert apple.connections <= module.CONNECTIONS


def test_the_same_message_has_the_same_id_when_it_is_tried_again(apple):
    deliver("aabbccdd")
    deliver("aabbccdd")
    assert len({asked.headers["apns-id"] for asked in apple.asked}) == 1


@pytest.mark.parametrize(
    ("status", "reason", "error", "dead"),
    [
        (410, "Unregistered", BadAddressError, 1),
        (410, "ExpiredToken", BadAddressError, 1),
        (400, "BadDeviceToken", BadAddressError, 1),
        (400, "DeviceTokenNotForTopic", PermanentError, 0),
        (403, "InvalidProviderToken", PermanentError, 0),
        (413, "PayloadTooLarge", PermanentError, 0),
        (429, "TooManyRequests", TransientError, 0),
        (429, "TooManyProviderTokenUpdates", ThrottledError, 0),
        (503, "Shutdown", ThrottledError, 0),
        (500, "InternalServerError", TransientError, 0),
    ],
)
def test_answers_are_told_apart(apple, status, reason, error, dead):
    apple.said["aabbccdd"] = (status, reason)
    [receipt] = deliver("aabbccdd")
    assert type(receipt.error) is error
    assert len(receipt.dead) == dead
    assert reason in str(receipt.error)


def test_an_expired_token_is_renewed_once(apple):
    apple.said["aabbccdd"] = ([(403, "ExpiredProviderToken"), (200, "")], "")
    [receipt] = deliver("aabbccdd")
    assert receipt.error is None
    assert len({asked.headers["authorization"] for asked in apple.asked}) == 2


def test_nobody_there_rests_the_channel(apple, settings):
    settings.APNS_URL = "https://localhost:9"
    [receipt] = deliver("aabbccdd")
    assert type(receipt.error) is ThrottledError


def test_what_is_not_set_up_is_named(settings):
    settings.APNS_KEY_FILE = ""
    with pytest.raises(ImproperlyConfigured, match="APNS_KEY_FILE"):
        token.provider_token()
