"""Takes messages out of the outbox, each by one worker only, and drops those that may not be sent any more."""

from dataclasses import dataclass
from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone

from notifications.choices import CampaignStatus, MessageState, RunStatus, SuppressionReason
from notifications.decisions.caps import cap_parameters, caps_of
from notifications.decisions.quiet import awake_sql, quiet_parameters, zone_sql
from notifications.decisions.reach import refusal_sql
from notifications.models import FrequencyCap, Run

LEASE = timedelta(minutes=5)

_LOCK = f"""
SELECT message.id, message.customer_id FROM notifications_message message
WHERE message.run_id = %(run)s AND message.state = '{MessageState.PLANNED}' AND message.due_at <= %(now)s
ORDER BY message.due_at, message.id LIMIT %(limit)s
FOR UPDATE OF message SKIP LOCKED
"""

# Two claims of one customer's messages must not both find the cap unreached: the second waits here for the first, and
# judges in a statement of its own, which sees what the first one took.
_ONE_CLAIM_PER_CUSTOMER = """
SELECT pg_advisory_xact_lock(hashtext('claim_customer'), hash)
FROM (
    SELECT DISTINCT hashint8(customer) AS hash FROM unnest(%(customers)s::bigint[]) AS customer ORDER BY hash OFFSET 0
) AS in_one_order
"""


def _judge_sql(caps: list[FrequencyCap]) -> str:
    """Claims, cancels or puts off the locked messages.

    Consent, suppression, caps and the hour are judged in the statement that claims, so nothing can happen in between
    but a change during the few seconds of the batch itself.
    """
    return f"""
    WITH judged AS MATERIALIZED (
        SELECT message.id, awake.due_at, coalesce(
            {refusal_sql(customer="c", at="%(now)s::timestamptz", caps=caps)},
            CASE WHEN awake.due_at > message.useful_until THEN '{SuppressionReason.TOO_LATE}' END) AS refusal
        FROM notifications_message message JOIN users_customer c ON c.id = message.customer_id
        CROSS JOIN LATERAL (SELECT {zone_sql("c.time_zone")} AS zone) AS clock
        CROSS JOIN LATERAL (SELECT {awake_sql(at="%(now)s::timestamptz", zone="clock.zone")} AS due_at) AS awake
        WHERE message.id = ANY(%(ids)s)
    ), verdict AS (
        SELECT id, coalesce(refusal, '') AS refusal, CASE WHEN refusal IS NOT NULL THEN '{MessageState.CANCELLED}'
            WHEN due_at > %(now)s THEN '{MessageState.PLANNED}' ELSE '{MessageState.SENDING}' END AS state, due_at
        FROM judged
    )
    UPDATE notifications_message message SET
        state = verdict.state, error_kind = verdict.refusal, error = '',
        due_at = CASE verdict.state WHEN '{MessageState.PLANNED}' THEN verdict.due_at ELSE message.due_at END,
        attempts = message.attempts + (verdict.state = '{MessageState.SENDING}')::int,
        lease_until = CASE verdict.state WHEN '{MessageState.SENDING}' THEN %(lease)s END
    FROM verdict WHERE message.id = verdict.id
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
    """What one turn took: messages to send, and how many it cancelled or put off because they may not be sent now."""

    claims: list[Claim]
    cancelled: int


def claim_batch(*, run: Run, limit: int = 50) -> Batch:
    """Claim due messages of `run`; they are `sending`, and that is committed, when this returns."""
    now = timezone.now()
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        if not may_send(run.pk):
            return Batch([], 0)
        cursor.execute(_LOCK, {"run": run.pk, "now": now, "limit": limit})
        due = {customer_id: message_id for message_id, customer_id in reversed(cursor.fetchall())}
        if not due:
            return Batch([], 0)
        if caps := caps_of(run.campaign):
            cursor.execute(_ONE_CLAIM_PER_CUSTOMER, {"customers": list(due)})
        cursor.execute(
            _judge_sql(caps),
            {
                **cap_parameters(caps),
                **quiet_parameters(),
                "ids": list(due.values()),
                "channel": run.campaign.channel,
                "tags": run.campaign.tags,
                "now": now,
                "lease": now + LEASE,
            },
        )
        rows = cursor.fetchall()
    claims = [Claim(pk, recipient, attempt) for pk, recipient, attempt, state in rows if state == MessageState.SENDING]
    return Batch(claims, len(rows) - len(claims))


def may_send(run_id: int) -> bool:
    """Whether the run sends and its campaign is neither paused nor stopped."""
    return Run.objects.filter(pk=run_id, status=RunStatus.SENDING, campaign__status=CampaignStatus.RUNNING).exists()
