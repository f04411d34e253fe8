"""The in-app inbox: a message is delivered when it lies in its customer's list."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import ClassVar, Self

from django.utils import timezone

from notifications.channels.base import Address, Capabilities, Mailing, Notice, Receipt
from notifications.models import InboxMessage

BATCH = 25  # rows in one statement


class InboxChannel:
    """Rows of `InboxMessage`. One message has one row, so a second try changes nothing."""

    capabilities: ClassVar[Capabilities] = Capabilities(idempotency_key=True, title_limit=200, body_limit=2_000)
    unreachable: ClassVar[str] = "false"

    def __init__(self, mailing: Mailing) -> None:
        """All that is needed comes with each message."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing is open."""

    @classmethod
    def addresses(cls, customer_ids: Sequence[int]) -> Mapping[int, tuple[Address, ...]]:
        """Everybody has an inbox."""
        return {customer: (Address(str(customer), id=customer),) for customer in customer_ids}

    @classmethod
    def retire(cls, addresses: Sequence[Address]) -> None:
        """An inbox never goes away."""

    def deliver(self, messages: Iterable[Notice]) -> Iterator[Receipt]:
        """Store the messages, a batch in one statement."""
        waiting = iter(messages)
        while batch := list(islice(waiting, BATCH)):
            now = timezone.now()
            InboxMessage.objects.bulk_create(
                (
                    InboxMessage(
                        message_id=notice.message_id,
                        customer_id=notice.customer_id,
                        title=notice.title,
                        body=notice.body,
                        url=notice.url,
                        image_url=notice.image_url,
                        data=dict(notice.data),
                        created_at=now,
                        expires_at=now + notice.ttl,
                    )
                    for notice in batch
                ),
                ignore_conflicts=True,
            )
            for notice in batch:
                yield Receipt(notice.message_id, provider_id=f"inbox-{notice.message_id}")
