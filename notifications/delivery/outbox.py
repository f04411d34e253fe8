"""Sends what is due. A message is `sending`, committed, before the network hears of it; whatever is not recorded after
that stays `sending` until the reaper calls it unknown. So nothing goes out twice, and nothing is lost in silence.
"""

import time
from collections.abc import Callable
from datetime import timedelta

from django.utils import timezone

from notifications.campaigns.schedule import complete_runs
from notifications.channels import delivery_channel
from notifications.channels.base import Mailing
from notifications.choices import CampaignStatus, MessageState, RunStatus
from notifications.delivery.claim import LEASE, claim_batch, may_send
from notifications.delivery.letters import Letters
from notifications.delivery.record import record_outcomes
from notifications.delivery.throttle import is_resting, rest_channel
from notifications.delivery.turn import Turn
from notifications.listening.domains import count_sent
from notifications.models import Message, Run

BATCH = 100  # what a killed worker leaves `unknown` at most
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
        batch = claim_batch(run=self.run, limit=BATCH)
        if not batch.claims:
            return batch.cancelled > 0
        turn = Turn(batch, self.letters, self._watch())
        channel_type = delivery_channel(self.channel_name)
        try:
            with channel_type(self.mailing) as channel:
                turn.run(channel)
        finally:
            # Also when we are told to stop: what is known is recorded, the rest was not handed over.
            record_outcomes(turn.outcomes())
        count_sent(turn.sent_to)
        if turn.dead:
            channel_type.retire(turn.dead)
        if turn.is_throttled:
            rest_channel(self.channel_name)
        return not turn.is_throttled

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
