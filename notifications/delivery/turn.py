"""One batch on its way through a channel."""

import logging
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
    TransientError,
)
from notifications.delivery.claim import Batch
from notifications.delivery.gate import Gate
from notifications.delivery.letters import Letter, Letters
from notifications.delivery.record import Outcome, content_failure

logger = logging.getLogger(__name__)


class Turn:
    """A batch on its way, and what is known of each of its messages."""

    def __init__(self, batch: Batch, letters: Letters, gate: Gate, may_go_on: Callable[[], bool]) -> None:
        self.dead: list[Address] = []
        self.handed = 0
        self._batch = batch
        self._letters = letters
        self._gate = gate
        self._may_go_on = may_go_on
        self._handed: dict[int, tuple[Letter, str]] = {}  # what the channel took and has not answered for
        self._settled: dict[int, Outcome] = {}

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
        letters = self._letters.load(self._batch.claims)
        self._gate.open([letter.domain for letter in letters])
        for letter in letters:
            if self._gate.channel_rests or not self._may_go_on():
                return
            if self._is_held(letter):
                continue
            try:
                rendered = self._letters.render(letter)
            except DeliveryError as error:
                self._settle_unsent(letter, Outcome.of_error(letter.claim, error))
                continue
            except Exception as error:
                logger.warning("Message %d could not be rendered: %s", letter.claim.message_id, error)
                self._settle_unsent(letter, content_failure(letter.claim, error))
                continue
            subject = rendered.subject if isinstance(rendered, Envelope) else rendered.title
            self._handed[letter.claim.message_id] = (letter, subject)
            self.handed += 1
            yield rendered

    def _is_held(self, letter: Letter) -> bool:
        """Whether its domain takes nothing now; then it is put off, or given up."""
        try:
            seconds = self._gate.admit(letter.domain)
        except TransientError as error:
            self._settle_unsent(letter, Outcome.given_up(letter.claim, error))
            return True
        if seconds:
            self._settle_unsent(letter, Outcome.put_off(letter.claim, domain=letter.domain, seconds=seconds))
        return bool(seconds)

    def _settle(self, receipt: Receipt) -> None:
        letter, subject = self._handed.pop(receipt.message_id)
        self.dead += receipt.dead
        self._gate.hear(letter.domain, receipt.error)
        if receipt.error is None:
            outcome = Outcome.sent(letter.claim, subject=subject, provider_id=receipt.provider_id, domain=letter.domain)
        else:
            outcome = Outcome.of_error(letter.claim, receipt.error, subject=subject)
        self._settled[receipt.message_id] = outcome

    def _settle_unsent(self, letter: Letter, outcome: Outcome) -> None:
        self._settled[letter.claim.message_id] = outcome

    def _lose(self, error: BaseException) -> None:
        for letter, subject in self._handed.values():
            self._settled[letter.claim.message_id] = Outcome.of_error(letter.claim, error, subject=subject)
