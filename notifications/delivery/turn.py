"""One batch on its way through a channel."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from notifications.channels.base import (
    Address,
    Channel,
    DeliveryError,
    Envelope,
    Notice,
    OutcomeUnknownError,
    Receipt,
    ThrottledError,
)
from notifications.delivery.claim import Batch, Claim
from notifications.delivery.letters import Letters
from notifications.delivery.record import Outcome, content_failure
from notifications.listening.domains import domain_of

logger = logging.getLogger(__name__)


class Turn:
    """A batch on its way, and what is known of each of its messages."""

    def __init__(self, batch: Batch, letters: Letters, may_go_on: Callable[[], bool]) -> None:
        self.is_throttled = False
        self.dead: list[Address] = []
        self.sent_to: Counter[str] = Counter()  # mails by the domain of their mailbox
        self._batch = batch
        self._letters = letters
        self._may_go_on = may_go_on
        self._handed: dict[int, tuple[Claim, str]] = {}  # what the channel took and has not answered for
        self._settled: dict[int, Outcome] = {}
        self._domains: dict[int, str] = {}

    def run(self, channel: Channel[Any]) -> None:
        """Send until the batch is done, the channel asks for a rest, or the batch must be given back."""
        try:
            for receipt in channel.deliver(self._rendered()):
                self._settle(receipt)
        except BaseException as error:  # told to stop in the middle, or a fault of the channel
            self._lose(error)
            raise
        self._lose(OutcomeUnknownError("The channel did not say what became of it."))

    def outcomes(self) -> list[Outcome]:
        """An outcome for every claim; what was not handed over is given back."""
        return [self._settled.get(claim.message_id) or Outcome.given_back(claim) for claim in self._batch.claims]

    def _rendered(self) -> Iterator[Envelope | Notice]:
        for letter in self._letters.load(self._batch.claims):
            if self.is_throttled or not self._may_go_on():
                return
            claim = letter.claim
            try:
                rendered = self._letters.render(letter)
            except DeliveryError as error:
                self._settled[claim.message_id] = Outcome.of_error(claim, error)
                continue
            except Exception as error:
                logger.warning("Message %d could not be rendered: %s", claim.message_id, error)
                self._settled[claim.message_id] = content_failure(claim, error)
                continue
            self._handed[claim.message_id] = (
                claim,
                rendered.subject if isinstance(rendered, Envelope) else rendered.title,
            )
            if isinstance(rendered, Envelope):
                self._domains[claim.message_id] = domain_of(rendered.address.value)
            yield rendered

    def _settle(self, receipt: Receipt) -> None:
        claim, subject = self._handed.pop(receipt.message_id)
        self.dead += receipt.dead
        if receipt.error is None:
            outcome = Outcome.sent(claim, subject=subject, provider_id=receipt.provider_id)
            if domain := self._domains.get(receipt.message_id):
                self.sent_to[domain] += 1
        else:
            outcome = Outcome.of_error(claim, receipt.error, subject=subject)
            self.is_throttled |= isinstance(receipt.error, ThrottledError)
        self._settled[claim.message_id] = outcome

    def _lose(self, error: BaseException) -> None:
        for claim, subject in self._handed.values():
            self._settled[claim.message_id] = Outcome.of_error(claim, error, subject=subject)
