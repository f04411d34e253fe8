"""The interface of a channel: what it can do, what it is handed, and how it fails.

The kind of an error decides what happens to the message. Only `TransientError` and `ThrottledError` are tried again,
because only they say for certain that the provider did not take the message.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar, Protocol, Self, TypeVar


class DeliveryError(Exception):
    """A message was not delivered. `kind` is stored with it."""

    kind: ClassVar[str] = "error"


class TransientError(DeliveryError):
    """Not accepted now; may be accepted later."""

    kind = "transient"


class MailboxError(TransientError):
    """Not accepted now for a reason that is only this mailbox's: it is full, or busy."""


class ThrottledError(TransientError):
    """Not accepted because we send too fast, or because the provider is not there at all: the channel rests."""

    kind = "throttled"

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after  # seconds, where the provider says how long


class PermanentError(DeliveryError):
    """Refused for good, for a reason that is not the address."""

    kind = "permanent"


class BadAddressError(PermanentError):
    """Refused for good, because nobody can be reached at this address."""

    kind = "bad_address"


class OutcomeUnknownError(DeliveryError):
    """Handed over, but the answer was lost: it may or may not have been delivered, and must not be sent again."""

    kind = "outcome_unknown"


@dataclass(frozen=True)
class Capabilities:
    """What a channel can do. With an idempotency key the provider itself refuses a second copy."""

    takes_mail: bool = False  # it is handed an Envelope; any other channel a Notice
    idempotency_key: bool = False
    title_limit: int = 200  # characters
    body_limit: int = 1_000


@dataclass(frozen=True)
class Mailing:
    """What all messages of one run have in common; a channel compiles it once."""

    run_id: int
    campaign_id: int
    token: str  # tells this installation's messages from another's


@dataclass(frozen=True, slots=True)
class Address:
    """One place at which a customer can be reached: a mailbox, a device, a subscription.

    `id` is the channel's own key of it, `hash` the one that the suppression list knows it by, `keys` what else is
    needed to reach it.
    """

    value: str
    id: int = 0
    hash: str = ""
    keys: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Envelope:
    """One rendered mail. The bodies come in pieces, because those common to many mails are encoded only once."""

    message_id: int
    address: Address
    subject: str
    html: tuple[str, ...]
    text: tuple[str, ...]
    unsubscribe_url: str


@dataclass(frozen=True, slots=True)
class Notice:
    """One rendered message of a channel that shows a title and a line or two, for all devices of the customer."""

    message_id: int
    customer_id: int
    addresses: tuple[Address, ...]
    title: str
    body: str
    url: str
    image_url: str = ""
    data: Mapping[str, str] = field(default_factory=dict)
    unsubscribe_url: str = ""
    ttl: timedelta = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class AddressResult:
    """What became of a message at one address: delivered where there is no error."""

    address: Address
    provider_id: str = ""
    error: DeliveryError | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one message: delivered where there is no error. `dead` addresses reach nobody any more."""

    message_id: int
    provider_id: str = ""
    error: DeliveryError | None = None
    dead: tuple[Address, ...] = ()

    @classmethod
    def of_results(cls, message_id: int, results: Sequence[AddressResult]) -> Self:
        """One message to several devices is delivered if any of them took it.

        Where none did it may have arrived if any answer was lost, and is tried again if any refusal may pass.
        """
        dead = tuple(result.address for result in results if isinstance(result.error, BadAddressError))
        errors = [result.error for result in results if result.error is not None]
        if len(errors) < len(results):
            taken = next(result for result in results if result.error is None)
            return cls(message_id, provider_id=taken.provider_id, dead=dead)
        if not errors:
            return cls(message_id, error=BadAddressError("The customer has no address on this channel."))
        order = (OutcomeUnknownError, ThrottledError, TransientError, BadAddressError, DeliveryError)
        worst = min(errors, key=lambda error: next(n for n, kind in enumerate(order) if isinstance(error, kind)))
        return cls(message_id, error=worst, dead=dead)


Outgoing_contra = TypeVar("Outgoing_contra", Envelope, Notice, contravariant=True)


class Channel(Protocol[Outgoing_contra]):
    """Delivers the messages of one run. Opened per batch; what is expensive to open is kept by the process.

    `unreachable` is an SQL condition on the customer in table alias `{customer}`: there is no address on this channel.
    """

    capabilities: ClassVar[Capabilities]
    unreachable: ClassVar[str]

    def __init__(self, mailing: Mailing) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

    @classmethod
    def addresses(cls, customer_ids: Sequence[int]) -> Mapping[int, tuple[Address, ...]]:
        """Where each of these customers can be reached; those without any address may be left out."""
        ...

    def deliver(self, messages: Iterable[Outgoing_contra]) -> Iterator[Receipt]:
        """Hand over the messages and yield a receipt for each, in any order, as soon as its outcome is known.

        `messages` is lazy and may end early. A message that was taken from it counts as unknown if this raises before
        its receipt, so take none long before it can go out. Failures of one message belong into its receipt.
        """
        ...

    @classmethod
    def retire(cls, addresses: Sequence[Address]) -> None:
        """Write no more to these addresses, at which nobody can be reached."""
        ...
