"""The one HTTP client for addresses that others name: webhooks, push endpoints, pictures.

It connects to public addresses only. A name is resolved once, every address it has is judged, and the connection goes
to one of those very addresses, so a name that answers differently the second time (DNS rebinding) gains nothing. The
check sits where the connection is made and therefore holds after a redirect, too; redirects are not followed unless
asked for. `ALLOW_PRIVATE_TARGETS` lifts it, for tests and the demo only.
"""

import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterable
from typing import Any

import httpcore
import httpx
from django.conf import settings

MAX_ANSWER_BYTES = 64 * 1024  # nobody reads more of an answer than that
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

Resolve = Callable[[str, int], Iterable[str]]


class ForbiddenTargetError(httpx.RequestError):
    """The address leads into a private network, to this machine, or nowhere that the public internet reaches."""


def is_public(address: str) -> bool:
    """Whether the IP address is globally reachable; one that carries an IPv4 address is judged by that as well.

    IANA's registries of special-purpose addresses (RFC 6890) as Python knows them, multicast, and the mappings of IPv4
    into IPv6: mapped (RFC 4291), 6to4 (RFC 3056), Teredo (RFC 4380), NAT64 (RFC 6052).
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if ip in _NAT64:
        return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
    if not ip.is_global or ip.is_multicast or ip.is_reserved:
        return False
    if isinstance(ip, ipaddress.IPv4Address):
        return True
    return all(is_public(str(inner)) for inner in (ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())) if inner)


def resolve(host: str, port: int) -> list[str]:
    """All addresses of `host`, in the order of the operating system. Raises OSError."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class _PublicOnly(httpcore.SyncBackend):
    """Connects to the addresses that a name had when it was judged, and to no other."""

    def __init__(self, resolver: Resolve) -> None:
        self._resolve = resolver

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            addresses = list(self._resolve(host, port))
        except OSError as error:
            raise httpcore.ConnectError(f"{host} has no address: {error}") from error
        if not settings.ALLOW_PRIVATE_TARGETS and not all(map(is_public, addresses)):
            raise ForbiddenTargetError(f"{host} leads to a private address; only public ones are connected to.")
        failure: Exception = httpcore.ConnectError(f"{host} has no address.")
        for address in addresses:
            try:
                return super().connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    def connect_unix_socket(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        raise ForbiddenTargetError("Sockets of this machine are not connected to.")


class _Transport(httpx.HTTPTransport):
    """httpx's own transport over a pool that connects through `_PublicOnly`; TLS still checks the name."""

    def __init__(self, *, verify: ssl.SSLContext, http2: bool, limits: httpx.Limits, resolver: Resolve) -> None:
        super().__init__(verify=verify, trust_env=False)
        self._pool.close()
        self._pool = httpcore.ConnectionPool(
            ssl_context=verify,
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            http1=True,
            http2=http2,
            network_backend=_PublicOnly(resolver),
        )


def safe_client(
    *,
    timeout: float = 10.0,  # seconds, for connecting and for each read
    http2: bool = False,
    connections: int = 20,
    follow_redirects: bool = False,
    verify: ssl.SSLContext | None = None,
    resolver: Resolve = resolve,
) -> httpx.Client:
    """A client with a pool of kept connections that may be shared by threads. Proxies of the environment do not apply.

    A forbidden address raises ForbiddenTargetError, which is an httpx.RequestError.
    """
    transport = _Transport(
        verify=verify or httpx.create_ssl_context(),
        http2=http2,
        limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=30),
        resolver=resolver,
    )
    return httpx.Client(
        transport=transport, timeout=timeout, follow_redirects=follow_redirects, max_redirects=3, trust_env=False
    )


def check_target(url: str, *, schemes: tuple[str, ...] = ("https",)) -> None:
    """Raise ValueError for an address that could never be called: another scheme, no host, a password, a private IP.

    Names are judged when they are connected to, because what they resolve to may change until then.
    """
    parts = httpx.URL(url)
    allowed = (*schemes, "http") if settings.ALLOW_PRIVATE_TARGETS else schemes
    if parts.scheme not in allowed or not parts.host or parts.userinfo:
        raise ValueError(f"{url!r:.200} is not an address that can be called: it must start with {allowed[0]}://.")
    try:
        public = settings.ALLOW_PRIVATE_TARGETS or is_public(parts.host)
    except ValueError:
        return  # a name
    if not public:
        raise ForbiddenTargetError(f"{parts.host} is a private address; only public ones are connected to.")
