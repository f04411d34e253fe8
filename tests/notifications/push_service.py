"""A push service on this machine: it checks who sends (RFC 8292), reads what was sent (RFC 8291), and misbehaves."""

import base64
import json
import re
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from users.devices import WebSubscription

_POINT = (Encoding.X962, PublicFormat.UncompressedPoint)
_AUTHORIZATION = re.compile(r"vapid t=([\w.-]+), ?k=([\w-]+)")


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Browser:
    """One subscription with the private half that only its browser has."""

    name: str
    endpoint: str
    answer: int = 201
    headers: dict[str, str] = field(default_factory=dict)
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    auth: bytes = b"sixteen bytes !!"
    shown: list[dict[str, Any]] = field(default_factory=list)

    @property
    def subscription(self) -> WebSubscription:
        return WebSubscription(
            self.endpoint, base64url(self.key.public_key().public_bytes(*_POINT)), base64url(self.auth)
        )

    def read(self, body: bytes) -> bytes:
        """Decrypt by the letter of RFC 8291, section 3.4, and RFC 8188, section 2; one record."""
        salt, (size,), length = body[:16], struct.unpack(">I", body[16:20]), body[20]
        sender, record = body[21 : 21 + length], body[21 + length :]
        assert len(record) <= size
        shared = self.key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender))
        own = self.key.public_key().public_bytes(*_POINT)
        secret = _hkdf(self.auth, shared, b"WebPush: info\0" + own + sender, 32)
        key = _hkdf(salt, secret, b"Content-Encoding: aes128gcm\0", 16)
        nonce = _hkdf(salt, secret, b"Content-Encoding: nonce\0", 12)
        plain = AESGCM(key).decrypt(nonce, record, None).rstrip(b"\0")
        assert plain.endswith(b"\x02"), "the last record ends with 2"
        return plain[:-1]


def _hkdf(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(secret)


@dataclass
class PushService:
    """What came in. `sleep` is how long each answer takes; `public_key` whose signatures are taken."""

    origin: str = ""
    public_key: str = ""
    sleep: float = 0.0
    reads: bool = True
    browsers: dict[str, Browser] = field(default_factory=dict)
    requests: list[dict[str, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    connections: int = 0

    def browser(self, name: str, **options: Any) -> Browser:
        return self.browsers.setdefault(name, Browser(name, f"{self.origin}/send/{name}", **options))

    def problem(self, headers: dict[str, str], body: bytes) -> str:
        """Why the request would be refused by a real service, or nothing."""
        found = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
        if found is None:
            return "no VAPID"
        token, key = found.groups()
        if key != self.public_key:
            return "signed by somebody else"
        point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), from_base64url(key))
        try:
            claims = jwt.decode(token, point, algorithms=["ES256"], audience=self.origin)
        except jwt.InvalidTokenError as error:
            return f"VAPID: {error}"
        if not 0 < claims["exp"] - time.time() <= 24 * 3600:
            return "it lives too long"
        if not claims["sub"].startswith(("mailto:", "https:")):
            return "no contact"
        if not headers.get("ttl", "").isdecimal():
            return "no TTL"
        if headers.get("content-encoding") != "aes128gcm":
            return "wrong coding"
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", headers.get("topic", "")):
            return "bad topic"
        return "too large" if len(body) > 4096 else ""

    def take(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        time.sleep(self.sleep)
        self.requests.append(headers)
        browser = self.browsers.get(path.removeprefix("/send/"))
        if browser is None:
            return 404, {}, b"no such subscription"
        if problem := self.problem(headers, body):
            self.problems.append(problem)
            return 413 if problem == "too large" else 403, {}, problem.encode()
        if browser.answer == 201:
            if self.reads:
                browser.shown.append(json.loads(browser.read(body)))
            return 201, {"Location": f"{self.origin}/message/{len(self.requests)}"}, b""
        return browser.answer, browser.headers, b"as told"


@contextmanager
def push_service(public_key: str, **options: Any) -> Iterator[PushService]:
    """Serve until the block ends."""
    service = PushService(public_key=public_key, **options)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            service.connections += 1
            super().setup()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, more, text = service.take(self.path, headers, body)
            if status == 0:  # hang up without an answer
                self.close_connection = True
                self.connection.close()
                return
            self.send_response(status)
            for name, value in {**more, "Content-Length": str(len(text))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *args: object) -> None:
            """Tests say enough."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    service.origin = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
