"""What the channels over HTTP have in common: many requests at the same time, and the devices that they go to."""

import logging
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import ClassVar, Self

import httpx
from django.core.exceptions import ImproperlyConfigured

from notifications.channels.base import (
    Address,
    AddressResult,
    Capabilities,
    DeliveryError,
    Mailing,
    Notice,
    OutcomeUnknownError,
    Receipt,
    ThrottledError,
)
from users.choices import DisabledReason
from users.devices import disable_devices, live_devices

# A push service answers after 20 to 100 ms, most of it waiting.
CONCURRENT = 16

logger = logging.getLogger(__name__)


@cache
def _threads(number: int) -> ThreadPoolExecutor:
    """This process's threads; made on first use, so after a worker has forked."""
    return ThreadPoolExecutor(number, thread_name_prefix="push")


class RequestChannel:
    """A channel that makes one request for each address. A subclass says how one address is written to."""

    capabilities: ClassVar[Capabilities]
    concurrent: ClassVar[int] = CONCURRENT  # requests at a time

    def __init__(self, mailing: Mailing) -> None:
        self.mailing = mailing

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Connections stay open for the next batch."""

    def deliver(self, messages: Iterable[Notice]) -> Iterator[Receipt]:
        """Write to all addresses of each message, to several at a time."""
        under_way: deque[tuple[int, list[Future[AddressResult]]]] = deque()
        for notice in messages:
            tries = [_threads(self.concurrent).submit(self._try, notice, address) for address in notice.addresses]
            under_way.append((notice.message_id, tries))
            if len(under_way) >= CONCURRENT:
                yield _receipt(*under_way.popleft())
        while under_way:
            yield _receipt(*under_way.popleft())

    def _try(self, notice: Notice, address: Address) -> AddressResult:
        try:
            return AddressResult(address, provider_id=self.send(notice, address))
        except DeliveryError as error:
            return AddressResult(address, error=error)
        except ImproperlyConfigured as error:  # it waits until somebody sets the channel up
            return AddressResult(address, error=ThrottledError(str(error)))
        except Exception as error:  # a fault of ours: whether the request went out is not known
            logger.exception("Message %d, address %d", notice.message_id, address.id)
            return AddressResult(address, error=OutcomeUnknownError(f"{type(error).__name__}: {error}"))

    def send(self, notice: Notice, address: Address) -> str:
        """Write to one address and return the provider's id of the message. Raises a DeliveryError."""
        raise NotImplementedError


class DeviceChannel(RequestChannel):
    """A channel whose addresses are registered devices."""

    name: ClassVar[str]
    unreachable: ClassVar[str] = (
        "NOT EXISTS (SELECT FROM users_device device WHERE device.customer_id = {customer}.id"
        " AND device.channel = %(channel)s AND device.disabled_at IS NULL)"
    )

    @classmethod
    def addresses(cls, customer_ids: Sequence[int]) -> Mapping[int, tuple[Address, ...]]:
        """The live devices of each customer."""
        devices = live_devices(customer_ids=customer_ids, channel=cls.name)
        return {
            customer: tuple(Address(device.address, id=device.pk) for device in found)
            for customer, found in devices.items()
        }

    @classmethod
    def retire(cls, addresses: Sequence[Address]) -> None:
        """Their providers do not know them any more."""
        disable_devices(device_ids=[address.id for address in addresses], reason=DisabledReason.GONE)


def _receipt(message_id: int, tries: list[Future[AddressResult]]) -> Receipt:
    return Receipt.of_results(message_id, [each.result() for each in tries])


def retry_after(answer: httpx.Response) -> float | None:
    """Seconds that `Retry-After` asks to wait (RFC 9110: a number or a date); None where it says nothing."""
    said = answer.headers.get("Retry-After", "").strip()
    if said.isascii() and said.isdecimal():
        return float(min(int(said), 86_400))
    try:
        when = parsedate_to_datetime(said)
    except ValueError:
        return None
    return max(0.0, min((when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds(), 86_400))
