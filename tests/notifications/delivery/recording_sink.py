"""An SMTP server in a thread of this process that remembers whom each mail was for, and takes its time."""

import asyncio
import random
import threading
from collections import Counter

from benchmarks.sink import Sink


class Recording(Sink):
    """`pace` is for how many seconds it thinks about what it got, on average; so kills hit every stage of a mail."""

    taken: Counter[str] = Counter()
    pace = 0.0
    address = ""
    _busy_until = 0.0

    def data_received(self, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        thought = random.expovariate(1 / self.pace) if self.pace else 0.0
        self._busy_until = max(self._busy_until, loop.time()) + thought
        loop.call_at(self._busy_until, super().data_received, data)

    def heard(self, line: bytes) -> None:
        if line.upper().startswith(b"RCPT TO:"):
            self.address = line[9:-1].decode()

    def took(self) -> None:
        Recording.taken[self.address] += 1


def start_sink(pace: float) -> int:
    """Serve until this process ends; returns the port."""
    Recording.pace = pace
    ports: list[int] = []
    ready = threading.Event()

    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(Recording, "127.0.0.1", 0)
        ports.append(server.sockets[0].getsockname()[1])
        ready.set()
        await server.serve_forever()

    threading.Thread(target=lambda: asyncio.run(serve()), daemon=True).start()
    ready.wait(10)
    return ports[0]
