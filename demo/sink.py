"""The demo's SMTP server: takes every mail and keeps it as a file. Run as `python -m demo.sink PORT FOLDER`."""

import asyncio
import signal
import sys
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from demo.mailbox import Mailbox

_MAXIMUM_BYTES = 32 * 1024 * 1024


class KeepEveryMail:
    """Accepts each mail, once per recipient. Without a `250` nothing was kept."""

    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox = mailbox

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        content = envelope.content or b""
        if isinstance(content, str):
            content = content.encode()
        for recipient in envelope.rcpt_tos:
            self.mailbox.store(recipient=recipient, sender=envelope.mail_from or "", content=content)
        return "250 OK"


async def serve(port: int, folder: Path) -> None:
    """Listen on the loopback address until SIGTERM or SIGINT."""
    folder.mkdir(parents=True, exist_ok=True)
    handler = KeepEveryMail(Mailbox(folder))
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopped.set)
    server = await loop.create_server(
        lambda: SMTP(handler, data_size_limit=_MAXIMUM_BYTES, enable_SMTPUTF8=True, ident="Apropos demo inbox"),
        host="127.0.0.1",
        port=port,
    )
    async with server:
        await stopped.wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
