"""`python -m benchmarks.sink PORT`: an SMTP server that takes every mail and keeps none. It offers PIPELINING.

Stands in for Postfix's smtp-sink where that is not installed. It prints how many mails it took when it is stopped.
"""

import asyncio
import signal
import sys


class Sink(asyncio.Protocol):
    """One conversation. Only what tells commands from texts is looked at."""

    accepted = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._buffer = bytearray()
        self._in_text = False
        self._seen = 0  # of the buffer, without an end of text
        transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        answers = []
        while answer := self._text() if self._in_text else self._command():
            answers.append(answer)
        if answers:
            self._transport.write(b"".join(answers))

    def _command(self) -> bytes | None:
        end = self._buffer.find(b"\r\n")
        if end < 0:
            return None
        line = bytes(self._buffer[:end])
        verb = line[:4].upper()
        del self._buffer[: end + 2]
        self.heard(line)
        if verb == b"EHLO":
            return b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
        if verb == b"DATA":
            self._in_text, self._seen = True, 0
            return b"354 go on\r\n"
        if verb == b"QUIT":
            self._transport.close()
        return b"250 ok\r\n"

    def _text(self) -> bytes | None:
        end = self._buffer.find(b"\r\n.\r\n", max(0, self._seen - 4))
        if end < 0:
            self._seen = len(self._buffer)
            return None
        del self._buffer[: end + 5]
        self._in_text = False
        self.took()
        return b"250 taken\r\n"

    def heard(self, line: bytes) -> None:
        """A command came in."""

    def took(self) -> None:
        """A text is complete."""
        Sink.accepted += 1


async def serve(port: int) -> None:
    """Serve until SIGTERM."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    async with await loop.create_server(Sink, "127.0.0.1", port):
        await stopped.wait()
    print(Sink.accepted)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
