"""A plain HTTP server that answers as it is told; it records what it was asked."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Posted:
    """One POST."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class HttpServer:
    """`answer` makes the answer to each POST; status 0 hangs up without one."""

    answer: Callable[[Posted], Answer]
    url: str = ""
    posted: list[Posted] = field(default_factory=list)


@contextmanager
def http_server(answer: Callable[[Posted], Answer]) -> Iterator[HttpServer]:
    """Serve until the block ends."""
    served = HttpServer(answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            posted = Posted(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            served.posted.append(posted)
            status, headers, said = served.answer(posted)
            if status == 0:
                self.close_connection = True
                self.connection.close()
                return
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(said))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *args: object) -> None:
            """Tests say enough."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    served.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
