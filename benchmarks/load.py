"""A load generator that costs little: requests made beforehand, sent over kept-alive sockets by one thread."""

import selectors
import socket
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson


@dataclass
class Outcome:
    """What came back; `cpu` is the seconds of CPU that the generator itself used."""

    seconds: float = 0.0
    cpu: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    accepted: int = 0
    latencies: list[float] = field(default_factory=list)


def request(path: str, body: object, *, headers: dict[str, str]) -> bytes:
    """One POST as it goes over the wire."""
    payload = orjson.dumps(body)
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json"]
    lines += [f"{name}: {value}" for name, value in headers.items()] + [f"Content-Length: {len(payload)}"]
    return "\r\n".join([*lines, "", ""]).encode() + payload


def send(requests: Sequence[bytes], *, port: int, connections: int) -> Outcome:
    """Send everything, each connection one request at a time."""
    outcome = Outcome()
    waiting = iter(requests)
    selector = selectors.DefaultSelector()
    started, cpu = time.perf_counter(), time.process_time()
    for _ in range(connections):
        line = socket.create_connection(("127.0.0.1", port))
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _next(selector, line, waiting)
    while selector.get_map():
        for key, _ in selector.select(timeout=60):
            line, (buffer, sent_at) = key.fileobj, key.data
            buffer += line.recv(65536)
            if (response := _complete(buffer)) is not None:
                outcome.latencies.append(time.perf_counter() - sent_at)
                _count(outcome, *response)
                selector.unregister(line)
                _next(selector, line, waiting)
    outcome.seconds = time.perf_counter() - started
    outcome.cpu = time.process_time() - cpu
    return outcome


def _next(selector: selectors.BaseSelector, line: socket.socket, waiting) -> None:  # noqa: ANN001
    payload = next(waiting, None)
    if payload is None:
        line.close()
        return
    line.sendall(payload)
    selector.register(line, selectors.EVENT_READ, (bytearray(), time.perf_counter()))


def _complete(buffer: bytearray) -> tuple[int, bytes] | None:
    """Status and body, once they are all there."""
    head, end, body = bytes(buffer).partition(b"\r\n\r\n")
    if not end:
        return None
    length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    return (int(head[9:12]), body) if len(body) >= length else None


def _count(outcome: Outcome, status: int, body: bytes) -> None:
    outcome.statuses[status] += 1
    if status == 200:
        outcome.accepted += orjson.loads(body)["accepted"]
