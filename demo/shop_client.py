"""The simulated shop's side of the wire: plain HTTP to the running web part, as any shop's backend would do it."""

import http.client
import json
import threading
from typing import Any
from urllib.parse import urlsplit


class ShopError(Exception):
    """The web part answered something that the simulation cannot go on with."""


class ShopClient:
    """One kept-open connection per thread."""

    def __init__(self, base_url: str, api_key: str) -> None:
        address = urlsplit(base_url)
        self._host, self._port = address.hostname or "", address.port or 80
        self._api_key = api_key
        self._local = threading.local()

    def follow(self, url: str) -> str:
        """Open a link of a mail and its redirect, as a browser does; returns where it led."""
        path = url.removeprefix(f"http://{self._host}:{self._port}")
        status, headers, _ = self._request("GET", path, None, {"User-Agent": "Mozilla/5.0 (simulated shopper)"})
        location = headers.get("Location", "")
        if status not in (301, 302, 303, 307, 308) or not location:
            raise ShopError(f"The link {url} answered {status} instead of leading on.")
        target = location.removeprefix(f"http://{self._host}:{self._port}")
        if target.startswith("/"):
            self._request("GET", target, None, {})
        return location

    def post(self, path: str, body: dict[str, Any], *, idempotency_key: str) -> dict[str, Any]:
        """One API call. Raises ShopError unless it is answered with success."""
        headers = {
            "Authorization": f"Bearer {self._api_key}",
            "Content-Type": "application/json",
            "Idempotency-Key": idempotency_key,
        }
        status, _, content = self._request("POST", path, json.dumps(body).encode(), headers)
        if not 200 <= status < 300:
            raise ShopError(f"POST {path} answered {status}: {content[:300].decode(errors='replace')}")
        answer: dict[str, Any] = json.loads(content)
        return answer

    def _request(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        """One request; a connection that the server has closed meanwhile is opened again once."""
        for attempt in (1, 2):
            connection = self._connection()
            try:
                connection.request(method, path, body, headers)
                response = connection.getresponse()
                return response.status, dict(response.getheaders()), response.read()
            except (http.client.HTTPException, ConnectionError) as error:
                connection.close()
                if attempt == 2:
                    raise ShopError(f"{method} {path} was not answered: {error}") from error
        raise AssertionError("unreachable")

    def _connection(self) -> http.client.HTTPConnection:
        if not hasattr(self._local, "connection"):
            self._local.connection = http.client.HTTPConnection(self._host, self._port, timeout=30)
        connection: http.client.HTTPConnection = self._local.connection
        return connection
