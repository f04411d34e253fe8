"""Sends what is due. A message is `sending`, committed, before the network hears of it; whatever is not recorded after
that stays `sending` until the reaper calls it unknown. So nothing goes out twice, and nothing is lost in silence.
"""

import logging
import time
from collections.abc import Callable
from datetime import timedelta

from django.utils import timezone

from notifications.campaigns.schedule import complete_runs
from notifications.channels import delivery_channel
from notifications.channels.base import Channel, Mailing, ThrottledError
from notifications.choices import CampaignStatus, MessageState, RunStatus
from notifications.delivery.claim import LEASE, Batch, claim_batch, may_send
from notifications.delivery.letters import Letter, Letters
from notifications.delivery.record import Outcome, content_failure, record_outcomes
from notifications.delivery.throttle import is_resting, rest_channel
from notifications.models import Message, Run

logger = logging.getLogger(__name__)

SESSION_SECONDS = 20.0
LOOK_UP_SECONDS = 2.0  # how long a pause takes at most to stop a batch that is under way
LEASE_MARGIN = timedelta(minutes=2)  # longer than a slow mail, so that hardly a lease ends under one


def sending_runs() -> list[Run]:
    """Runs with messages that are due, of campaigns that run, on channels that do not rest."""
    due = Message.objects.filter(state=MessageState.PLANNED, due_at__lte=timezone.now())
    runs = (
        Run.objects.filter(status=RunStatus.SENDING, campaign__status=CampaignStatus.RUNNING)
        .select_related("campaign")
        .order_by("scheduled_at", "pk")
    )
    return [run for run in runs if due.filter(run=run).exists() and not is_resting(run.campaign.channel)]


def send_due(*, seconds: float = SESSION_SECONDS) -> bool:
    """Send due messages until there are none or `seconds` have passed; returns whether some are left."""
    until = time.monotonic() + seconds
    senders = [RunSender(run) for run in sending_runs()]
    while senders and time.monotonic() < until:
        senders = [sender for sender in senders if sender.send_batch()]  # in turn, so that no run waits for another
    complete_runs()
    return bool(senders)


class RunSender:
    """Sends one run's messages batch by batch, with what they have in common compiled once."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.letters = Letters(run)
        self.mailing = Mailing(run_id=run.pk, campaign_id=run.campaign_id, token=run.campaign.hold_out_seed.hex[:12])
        self.channel_name = run.campaign.channel

    def send_batch(self) -> bool:
        """Claim a batch and send it; returns whether there may be more to do at once."""
        if is_resting(self.channel_name):
            return False
        batch = claim_batch(run=self.run)
        if not batch.claims:
            return batch.cancelled > 0
        outcomes: list[Outcome] = []
        throttled = False
        try:
            with delivery_channel(self.channel_name)(self.mailing) as channel:
                throttled = self._send_all(batch, channel, outcomes)
        finally:
            # Also when we are told to stop: what is known is recorded, the rest was not handed over.
            self._record(batch, outcomes)
        if throttled:
            rest_channel(self.channel_name)
        return not throttled

    def _send_all(self, batch: Batch, channel: Channel, outcomes: list[Outcome]) -> bool:
        """Send until the batch is done or must be given back; returns whether the provider asked for a rest."""
        may_go_on = self._watch()
        for letter in self.letters.load(batch.claims):
            if not may_go_on():
                break
            try:
                outcome, throttled = self._send(letter, channel)
            except BaseException as error:  # told to stop in the middle of a message
                outcomes.append(Outcome.of_error(letter.claim, error))
                raise
            outcomes.append(outcome)
            if throttled:
                return True
        return False

    def _send(self, letter: Letter, channel: Channel) -> tuple[Outcome, bool]:
        try:
            envelope = self.letters.render(letter)
        except Exception as error:
            logger.warning("Message %d could not be rendered: %s", letter.claim.message_id, error)
            return content_failure(letter.claim, error), False
        try:
            provider_id = channel.send(envelope)
        except Exception as error:
            address_hash = letter.recipient.customer.email_hash
            outcome = Outcome.of_error(letter.claim, error, subject=envelope.subject, address_hash=address_hash)
            return outcome, isinstance(error, ThrottledError)
        return Outcome.sent(letter.claim, subject=envelope.subject, provider_id=provider_id), False

    def _watch(self) -> Callable[[], bool]:
        """Whether the batch may go on: its leases hold, and nobody paused or stopped the campaign."""
        started = looked = time.monotonic()
        lease = (LEASE - LEASE_MARGIN).total_seconds()

        def may_go_on() -> bool:
            nonlocal looked
            now = time.monotonic()
            if now - started > lease:
                return False
            if now - looked > LOOK_UP_SECONDS:
                looked = now
                return may_send(self.run.pk)
            return True

        return may_go_on

    def _record(self, batch: Batch, outcomes: list[Outcome]) -> None:
        settled = {outcome.claim.message_id for outcome in outcomes}
        given_back = [Outcome.given_back(claim) for claim in batch.claims if claim.message_id not in settled]
        record_outcomes([*outcomes, *given_back], channel=self.channel_name)
