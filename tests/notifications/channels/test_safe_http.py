"""Nothing that others name leads inside: not by address, not by name, not by redirect, not by a name that changes."""

import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from notifications.channels import safe_http
from notifications.channels.safe_http import ForbiddenTargetError, check_target, is_public, safe_client
from tests.notifications.certificates import certificate

PRIVATE = [
    *("127.0.0.1", "127.8.8.8", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254"),
    *("0.0.0.0", "100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
    *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1", "2001:db8::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a00:1::"),
]


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_inside_are_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "172.32.0.1", "2606:4700::1111", "64:ff9b::808:808"])
def test_addresses_outside_are(address):
    assert is_public(address)


class Inside:
    """A server that must not be reached; `answers` maps a path to where it redirects."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.seen: list[str] = []
        self.answers: dict[str, str] = {}
        inside = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                inside.seen.append(self.path)
                where = inside.answers.get(self.path)
                self.send_response(302 if where else 200)
                if where:
                    self.send_header("Location", where)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                """Tests say enough."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def inside():
    server = Inside()
    yield server
    server.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "0"])
def test_no_spelling_of_this_machine_is_connected_to(inside, host):
    with safe_client() as client, pytest.raises(httpx.RequestError):
        client.get(f"http://{host}:{inside.port}/secret")
    assert inside.seen == []


def test_a_name_that_has_one_private_address_is_refused(inside):
    mixed = safe_client(resolver=lambda host, port: ["93.184.216.34", "127.0.0.1"])
    with mixed as client, pytest.raises(ForbiddenTargetError, match=r"evil\.example"):
        client.get(f"http://evil.example:{inside.port}/")
    assert inside.seen == []


def test_a_name_that_answers_differently_the_second_time_gains_nothing(inside, monkeypatch):
    """DNS rebinding: asked once, and connected to what was judged."""
    asked, connected = [], []

    def rebinding(host, port):
        asked.append(host)
        return ["127.0.0.1"] if len(asked) > 1 else ["93.184.216.34"]

    def connect(address, *args, **kwargs):
        connected.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr("socket.create_connection", connect)
    with safe_client(resolver=rebinding) as client, pytest.raises(httpx.ConnectError):
        client.get("http://evil.example/")
    assert (asked, connected) == (["evil.example"], ["93.184.216.34"])
    with safe_client(resolver=rebinding) as client, pytest.raises(ForbiddenTargetError):
        client.get("http://evil.example/")
    assert connected == ["93.184.216.34"]


def test_a_redirect_inside_is_refused_where_the_connection_is_made(inside, monkeypatch):
    """The first host passes as public, although it is this test's; the second is judged by the same rule."""
    inside.answers["/start"] = f"http://internal.example:{inside.port}/secret"
    monkeypatch.setattr(safe_http, "is_public", lambda address: address == "127.0.0.1")
    addresses = {"outside.example": ["127.0.0.1"], "internal.example": ["127.0.0.2"]}
    following = safe_client(follow_redirects=True, resolver=lambda host, port: addresses[host])
    with following as client, pytest.raises(ForbiddenTargetError, match=r"internal\.example"):
        client.get(f"http://outside.example:{inside.port}/start")
    assert inside.seen == ["/start"]


def test_redirects_are_not_followed_unless_asked_for(inside, settings):
    settings.ALLOW_PRIVATE_TARGETS = True
    inside.answers["/start"] = "/elsewhere"
    with safe_client() as client:
        assert client.get(f"http://127.0.0.1:{inside.port}/start").status_code == 302
    assert inside.seen == ["/start"]


def test_a_proxy_of_the_environment_is_no_way_around(inside, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{inside.port}")
    with safe_client(resolver=lambda host, port: ["10.0.0.1"]) as client, pytest.raises(ForbiddenTargetError):
        client.get("http://internal.example/")
    assert inside.seen == []


def test_the_setting_lifts_it_for_tests_and_the_demo(inside, settings):
    settings.ALLOW_PRIVATE_TARGETS = True
    with safe_client() as client:
        assert client.get(f"http://127.0.0.1:{inside.port}/").status_code == 200


@pytest.mark.parametrize("name", ["shop.example", "other.example"])
def test_the_certificate_is_checked_against_the_name_not_the_address(settings, tmp_path, name):
    settings.ALLOW_PRIVATE_TARGETS = True
    server, client_side = certificate("shop.example", tmp_path)
    inside = Inside(server)
    try:
        with safe_client(verify=client_side, resolver=lambda host, port: ["127.0.0.1"]) as client:
            if name == "shop.example":
                assert client.get(f"https://{name}:{inside.port}/").status_code == 200
            else:
                with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                    client.get(f"https://{name}:{inside.port}/")
    finally:
        inside.close()


@pytest.mark.parametrize(
    "url",
    ["http://shop.example/", "ftp://shop.example/", "https://", "https://user:pw@shop.example/", "https://10.0.0.1/x"],
)
def test_what_could_never_be_called_is_refused_when_it_is_entered(url):
    with pytest.raises((ValueError, ForbiddenTargetError)):
        check_target(url)


def test_a_public_address_is_taken():
    check_target("https://shop.example/hook")
    check_target("https://93.184.216.34/hook")
