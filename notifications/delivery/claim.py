"""Takes messages out of the outbox, each by one worker only, and drops those that may not be sent any more."""

from dataclasses import dataclass
from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone

from notifications.choices import CampaignStatus, MessageState, RunStatus
from notifications.decisions.reach import refusal_sql
from notifications.models import Run

BATCH = 50  # what a killed worker leaves `unknown` at most
LEASE = timedelta(minutes=5)

# Consent and suppression are judged in the statement that claims, so nothing can happen in between but a change
# during the few seconds of the batch itself.
_CLAIM = f"""
WITH due AS MATERIALIZED (
    SELECT message.id, message.customer_id FROM notifications_message message
    WHERE message.run_id = %(run)s AND message.state = '{MessageState.PLANNED}' AND message.due_at <= %(now)s
    ORDER BY message.due_at, message.id LIMIT %(limit)s
    FOR UPDATE OF message SKIP LOCKED
), judged AS MATERIALIZED (
    SELECT due.id, {refusal_sql(customer="c")} AS refusal FROM due JOIN users_customer c ON c.id = due.customer_id
)
UPDATE notifications_message message SET
    state = CASE WHEN refusal IS NULL THEN '{MessageState.SENDING}' ELSE '{MessageState.CANCELLED}' END,
    attempts = attempts + (refusal IS NULL)::int,
    lease_until = CASE WHEN refusal IS NULL THEN %(lease)s END,
    error_kind = coalesce(refusal, ''), error = ''
FROM judged WHERE message.id = judged.id
RETURNING message.id, message.recipient_id, message.attempts, message.state
"""


@dataclass(frozen=True)
class Claim:
    """A message that is ours until its lease ends. `attempt` tells our claim from a later one."""

    message_id: int
    recipient_id: int
    attempt: int


@dataclass(frozen=True)
class Batch:
    """What one turn took: messages to send, and how many it cancelled because they may not be sent."""

    claims: list[Claim]
    cancelled: int


def claim_batch(*, run: Run, limit: int = BATCH) -> Batch:
    """Claim due messages of `run`; they are `sending`, and that is committed, when this returns."""
    now = timezone.now()
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        if not may_send(run.pk):
            return Batch([], 0)
        cursor.execute(
            _CLAIM,
            {"run": run.pk, "channel": run.campaign.channel, "now": now, "lease": now + LEASE, "limit": limit},
        )
        rows = cursor.fetchall()
    claims = [Claim(pk, recipient, attempt) for pk, recipient, attempt, state in rows if state == MessageState.SENDING]
    return Batch(claims, len(rows) - len(claims))


def may_send(run_id: int) -> bool:
    """Whether the run sends and its campaign is neither paused nor stopped."""
    return Run.objects.filter(pk=run_id, status=RunStatus.SENDING, campaign__status=CampaignStatus.RUNNING).exists()
