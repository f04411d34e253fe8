"""Sends what is due. A message is `sending`, committed, before the network hears of it; whatever is not recorded after
that stays `sending` until the reaper calls it unknown. So nothing goes out twice, and nothing is lost in silence.
"""

import logging
import time
from collections.abc import Callable

from django.db import connection
from django.utils import timezone

from notifications.campaigns.schedule import complete_runs
from notifications.channels import delivery_channel
from notifications.channels.base import Mailing
from notifications.choices import CampaignStatus, MessageState, RunStatus
from notifications.delivery.breaker import resting
from notifications.delivery.claim import claim_batch, may_send
from notifications.delivery.gate import Gate
from notifications.delivery.letters import Letters
from notifications.delivery.patience import AWAY, patiently
from notifications.delivery.record import record_outcomes
from notifications.delivery.throttle import take
from notifications.delivery.turn import Turn
from notifications.models import Message, Run

# A killed worker leaves its batch `unknown`, so a batch is only as large as it must be to be fast.
FIRST_BATCH, LARGEST_BATCH = 20, 100
BATCH_SECONDS = 0.5
LONGEST_BATCH_SECONDS = 30.0  # far below the lease, so that none ends under a slow mail
SESSION_SECONDS = 20.0
LOOK_UP_SECONDS = 2.0  # how long a pause takes at most to stop a batch that is under way

logger = logging.getLogger(__name__)


def sending_runs() -> list[Run]:
    """Runs with messages that are due, of campaigns that run, on channels that do not rest."""
    due = Message.objects.filter(state=MessageState.PLANNED, due_at__lte=timezone.now())
    runs = (
        Run.objects.filter(status=RunStatus.SENDING, campaign__status=CampaignStatus.RUNNING)
        .select_related("campaign")
        .order_by("scheduled_at", "pk")
    )
    found = [run for run in runs if due.filter(run=run).exists()]
    closed = resting({run.campaign.channel for run in found})
    return [run for run in found if run.campaign.channel not in closed]


def send_due(*, seconds: float = SESSION_SECONDS) -> bool:
    """Send due messages until there are none or `seconds` have passed; returns whether some are left.

    While the database is away nothing is due: the next turn of the scheduler begins anew.
    """
    until = time.monotonic() + seconds
    try:
        senders = [RunSender(run) for run in sending_runs()]
        while senders and time.monotonic() < until:
            senders = [sender for sender in senders if sender.send_batch()]  # in turn, so that no run waits for another
        complete_runs()
    except AWAY as error:
        if connection.in_atomic_block:
            raise
        logger.warning("Sending stops, because the database does not answer: %s", error)
        connection.close()
        return False
    return bool(senders)


class RunSender:
    """Sends one run's messages batch by batch, with what they have in common compiled once."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.letters = Letters(run)
        self.mailing = Mailing(run_id=run.pk, campaign_id=run.campaign_id, token=run.campaign.hold_out_seed.hex[:12])
        self.channel_name = run.campaign.channel
        self._batch_size = FIRST_BATCH

    def send_batch(self) -> bool:
        """Claim a batch and send it; returns whether there may be more to do at once."""
        if resting([self.channel_name]):
            return False
        wanted = take(self.channel_name, self._batch_size).granted
        if not wanted:
            return False
        batch = claim_batch(run=self.run, limit=wanted)
        if len(batch.claims) < wanted:
            take(self.channel_name, len(batch.claims) - wanted)
        if not batch.claims:
            return batch.cancelled > 0
        started = time.monotonic()
        gate = Gate(self.channel_name)
        turn = Turn(batch, self.letters, gate, self._watch(started))
        channel_type = delivery_channel(self.channel_name)
        try:
            with channel_type(self.mailing) as channel:
                turn.run(channel)
        finally:
            # Also when we are told to stop: what is known is recorded, the rest was not handed over.
            record_outcomes(turn.outcomes())
        if turn.dead:
            patiently(lambda: channel_type.retire(turn.dead))
        gate.close()
        self._follow(handed=turn.handed, seconds=time.monotonic() - started)
        return not gate.channel_rests

    def _follow(self, *, handed: int, seconds: float) -> None:
        """Let the next batch be as large as the channel manages in `BATCH_SECONDS`."""
        if handed:
            fitting = round(handed / max(seconds, 0.001) * BATCH_SECONDS)
            self._batch_size = max(1, min(fitting, 4 * self._batch_size, LARGEST_BATCH))

    def _watch(self, started: float) -> Callable[[], bool]:
        """Whether the batch may go on: it does not take too long, and nobody paused or stopped the campaign."""
        looked = started

        def may_go_on() -> bool:
            nonlocal looked
            now = time.monotonic()
            if now - started > LONGEST_BATCH_SECONDS:
                return False
            if now - looked > LOOK_UP_SECONDS:
                looked = now
                try:
                    return may_send(self.run.pk)
                except AWAY:  # nobody can say; what was handed over is recorded when the database is back
                    return False
            return True

        return may_go_on
