"""A server that speaks HTTP/2 over TLS (RFC 9113) and answers as it is told; it records what it was asked."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Asked:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes = b""


@dataclass
class Http2Server:
    """`answer` makes the answer to each request."""

    answer: Callable[[Asked], Answer]
    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0


@contextmanager
def http2_server(context: ssl.SSLContext, answer: Callable[[Asked], Answer]) -> Iterator[Http2Server]:
    """Serve until the block ends."""
    context.set_alpn_protocols(["h2"])
    server = Http2Server(answer)
    listener = socket.create_server(("127.0.0.1", 0))
    server.port = listener.getsockname()[1]

    def accept() -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return  # closed
            server.connections += 1
            threading.Thread(target=_serve, args=(context, plain, server), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield server
    finally:
        listener.close()


def _serve(context: ssl.SSLContext, plain: socket.socket, server: Http2Server) -> None:
    with context.wrap_socket(plain, server_side=True) as connected:
        assert connected.selected_alpn_protocol() == "h2"
        protocol = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        protocol.initiate_connection()
        connected.sendall(protocol.data_to_send())
        streams: dict[int, Asked] = {}
        while data := connected.recv(65536):
            for event in protocol.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    headers = dict(event.headers)
                    streams[event.stream_id] = Asked(headers[":path"], headers)
                elif isinstance(event, h2.events.DataReceived):
                    streams[event.stream_id].body += event.data
                    protocol.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, h2.events.StreamEnded):
                    asked = streams.pop(event.stream_id)
                    server.asked.append(asked)
                    status, headers, body = server.answer(asked)
                    protocol.send_headers(event.stream_id, [(":status", str(status)), *headers.items()])
                    protocol.send_data(event.stream_id, body, end_stream=True)
            connected.sendall(protocol.data_to_send())
