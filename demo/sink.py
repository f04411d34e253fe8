"""The demo's SMTP server: takes every mail and keeps it as a file. Run as `python -m demo.sink PORT FOLDER`."""

import asyncio
import signal
import sys
from pathlib import Path

from aiosmtpd.smtp import SMTP, syntax

from demo.mailbox import Mailbox

_MAXIMUM_BYTES = 32 * 1024 * 1024


class Inbox(SMTP):
    """Keeps each mail once per recipient before it says `250`.

    aiosmtpd reads a mail line by line, which takes several milliseconds; here it is read up to its end at once.
    """

    line_length_limit = _MAXIMUM_BYTES  # also what its stream reader may hold

    def __init__(self, mailbox: Mailbox) -> None:
        super().__init__(None, data_size_limit=_MAXIMUM_BYTES, enable_SMTPUTF8=True, ident="Apropos demo inbox")
        self.mailbox = mailbox

    @syntax("DATA")
    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - the name that aiosmtpd calls
        envelope = self.envelope
        if envelope is None or not envelope.rcpt_tos:
            await self.push("503 Error: need RCPT command")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        try:
            data = await self._reader.readuntil(b"\r\n.\r\n")
        except asyncio.LimitOverrunError:
            await self.push("552 Error: Too much mail data")
            self._writer.close()
            return
        content = data[: -len(b".\r\n")].replace(b"\r\n..", b"\r\n.")
        for recipient in envelope.rcpt_tos:
            self.mailbox.store(recipient=recipient, sender=envelope.mail_from or "", content=content)
        await self.push("250 OK")
        self._set_post_data_state()


async def serve(port: int, folder: Path) -> None:
    """Listen on the loopback address until SIGTERM or SIGINT."""
    folder.mkdir(parents=True, exist_ok=True)
    mailbox = Mailbox(folder)
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopped.set)
    server = await loop.create_server(lambda: Inbox(mailbox), host="127.0.0.1", port=port)
    async with server:
        await stopped.wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
