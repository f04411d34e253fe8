"""The interface of a channel: what it can do, what it is handed, and how it fails.

The kind of an error decides what happens to the message. Only `TransientError` and `ThrottledError` are tried again,
because only they say for certain that the provider did not take the message.
"""

from dataclasses import dataclass
from typing import ClassVar, Protocol, Self


class DeliveryError(Exception):
    """A message was not delivered. `kind` is stored with it."""

    kind: ClassVar[str] = "error"


class TransientError(DeliveryError):
    """Not accepted now; may be accepted later."""

    kind = "transient"


class ThrottledError(TransientError):
    """Not accepted because we send too fast, or because the provider is not there at all: the channel rests."""

    kind = "throttled"


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

    idempotency_key: bool = False
    html: bool = True


@dataclass(frozen=True)
class Mailing:
    """What all messages of one run have in common; a channel compiles it once."""

    run_id: int
    campaign_id: int
    token: str  # tells this installation's messages from another's


@dataclass(frozen=True)
class Envelope:
    """One rendered message to one address."""

    message_id: int
    address: str
    subject: str
    html: str
    text: str
    unsubscribe_url: str


class Channel(Protocol):
    """Delivers the messages of one run. Opened per batch; what is expensive to open is kept by the process."""

    capabilities: ClassVar[Capabilities]

    def __init__(self, mailing: Mailing) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

    def send(self, envelope: Envelope) -> str:
        """Deliver one message and return the provider's id of it. Raises a DeliveryError."""
        ...
