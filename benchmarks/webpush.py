"""Web push: 10,000 messages encrypted and signed for as many browsers, into a push service of a process of its own.

The service checks every signature and answers after 30 ms, as one on the internet does; it decrypts nothing here,
because that costs as much as encrypting and would be measured along.
"""

import multiprocessing
import time
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier

from django.conf import settings
from rich.console import Console
from rich.table import Table

MESSAGES = 10_000
DELAY = 0.03  # seconds
WORKERS = (1, 2)

_spawn = multiprocessing.get_context("spawn")


def run() -> None:
    """Print messages a second for one worker and for two."""
    from notifications.channels.webpush.vapid import new_private_key

    key = new_private_key()
    table = Table("workers", "messages", "seconds", "messages/s", "CPU ms each", "delivered")
    for workers in WORKERS:
        ours, theirs = _spawn.Pipe()
        service = _spawn.Process(target=_serve, args=(theirs, key))
        service.start()
        try:
            seconds, cpu, delivered = _send_all(ours.recv(), key, workers)
        finally:
            ours.send("stop")
            service.join()
        table.add_row(
            *(str(workers), f"{MESSAGES:,}", f"{seconds:.1f}", f"{MESSAGES / seconds:,.0f}"),
            *(f"{1000 * cpu / MESSAGES:.2f}", f"{delivered:,}"),
        )
    Console().print(table)


def _configure(key: str) -> None:
    import django

    django.setup()
    settings.ALLOW_PRIVATE_TARGETS = True
    settings.VAPID_PRIVATE_KEY, settings.VAPID_SUBJECT = key, "mailto:offers@shop.example"


def _serve(pipe: Connection, key: str) -> None:
    _configure(key)
    from notifications.channels.webpush.vapid import public_key
    from tests.notifications.push_service import push_service

    with push_service(public_key(), reads=False, sleep=DELAY) as service:
        pipe.send([service.browser(f"b{number}").subscription.text() for number in range(MESSAGES)])
        pipe.recv()


def _send_all(subscriptions: list[str], key: str, workers: int) -> tuple[float, float, int]:
    """Seconds from the moment at which all workers had loaded, seconds of CPU of the workers, messages delivered."""
    ready, results = _spawn.Barrier(workers + 1), _spawn.Queue()
    senders = [
        _spawn.Process(target=_send, args=(subscriptions[number::workers], key, ready, results))
        for number in range(workers)
    ]
    for sender in senders:
        sender.start()
    ready.wait(60)
    started = time.perf_counter()
    told = [results.get(timeout=600) for _ in senders]
    seconds = time.perf_counter() - started
    for sender in senders:
        sender.join()
    return seconds, sum(cpu for cpu, _delivered in told), sum(delivered for _cpu, delivered in told)


def _send(
    subscriptions: list[str], key: str, ready: Barrier, results: "multiprocessing.Queue[tuple[float, int]]"
) -> None:
    _configure(key)
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
    ready.wait(60)
    cpu = time.process_time()
    with WebPushChannel(Mailing(run_id=1, campaign_id=1, token="bench")) as channel:  # noqa: S106 - no secret
        delivered = sum(receipt.error is None for receipt in channel.deliver(notices))
    results.put((time.process_time() - cpu, delivered))
