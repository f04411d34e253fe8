"""Web push: 10,000 messages encrypted and signed for as many browsers, into a push service of a process of its own.

The service checks every signature and answers after a delay, as one on the internet does; it decrypts nothing here,
because that costs as much as encrypting and would be measured along.
"""

import multiprocessing
import time
from multiprocessing.connection import Connection

from django.conf import settings
from rich.console import Console
from rich.table import Table

MESSAGES = 10_000
DELAYS = (0.0, 0.03)  # seconds


def run() -> None:
    """Print messages a second for each delay of the service."""
    from notifications.channels.webpush.vapid import new_private_key, public_key

    settings.ALLOW_PRIVATE_TARGETS = True
    settings.VAPID_PRIVATE_KEY, settings.VAPID_SUBJECT = new_private_key(), "mailto:offers@shop.example"
    table = Table("service answers after", "messages", "seconds", "messages/s", "CPU ms each", "delivered")
    for delay in DELAYS:
        ours, theirs = multiprocessing.get_context("spawn").Pipe()
        service = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs, public_key(), delay))
        service.start()
        try:
            seconds, cpu, delivered = _send(ours.recv())
        finally:
            ours.send("stop")
            service.join()
        table.add_row(
            *(f"{delay * 1000:.0f} ms", f"{MESSAGES:,}", f"{seconds:.1f}", f"{MESSAGES / seconds:,.0f}"),
            *(f"{1000 * cpu / MESSAGES:.2f}", f"{delivered:,}"),
        )
    Console().print(table)


def _serve(pipe: Connection, public_key: str, delay: float) -> None:
    import django

    django.setup()
    from tests.notifications.push_service import push_service

    with push_service(public_key, reads=False, sleep=delay) as service:
        subscriptions = [service.browser(f"b{number}").subscription.text() for number in range(MESSAGES)]
        pipe.send(subscriptions)
        pipe.recv()


def _send(subscriptions: list[str]) -> tuple[float, float, int]:
    from notifications.channels.base import Address, Mailing, Notice
    from notifications.channels.webpush.channel import WebPushChannel

    notices = (
        Notice(
            message_id=number,
            customer_id=number,
            addresses=(Address(text, id=number),),
            title="20% off what you looked at",
            body="Your personal coupon is good until Sunday, on everything in the garden department.",
            url=f"https://shop.example/t/c/{number}-1.{'s' * 43}",
            image_url="https://shop.example/pictures/1.png",
        )
        for number, text in enumerate(subscriptions)
    )
    started, cpu = time.perf_counter(), time.process_time()
    with WebPushChannel(Mailing(run_id=1, campaign_id=1, token="bench")) as channel:  # noqa: S106 - no secret
        delivered = sum(receipt.error is None for receipt in channel.deliver(notices))
    return time.perf_counter() - started, time.process_time() - cpu, delivered
