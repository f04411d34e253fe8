"""What became of a batch, written in one statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from notifications.channels.base import DeliveryError, OutcomeUnknownError, PermanentError, TransientError
from notifications.choices import MessageState, RunStatus
from notifications.delivery.claim import Claim
from notifications.delivery.patience import patiently

MAX_ATTEMPTS = 20  # with the back-off below more than a day

# A worker that outlived its lease still knows the answer, so `unknown` is settled too; the attempt fences off a message
# that was claimed again. What would be tried again in a stopped run is cancelled. Of a customer who was erased
# meanwhile no text is written. Mails are counted by domain in the same statement, so that doing it twice counts once.
_RECORD = f"""
WITH recorded AS (UPDATE notifications_message message SET
    state = CASE WHEN outcome.state = '{MessageState.PLANNED}' AND run.status <> '{RunStatus.SENDING}'
        THEN '{MessageState.CANCELLED}' ELSE outcome.state END,
    attempts = message.attempts - outcome.untried::int,
    lease_until = NULL, sent_at = outcome.sent_at, due_at = coalesce(outcome.due_at, message.due_at),
    subject = CASE WHEN message.error_kind <> 'erased' THEN outcome.subject ELSE '' END,
    provider_id = CASE WHEN message.error_kind <> 'erased' THEN outcome.provider_id ELSE '' END,
    error_kind = outcome.error_kind, error = CASE WHEN message.error_kind <> 'erased' THEN outcome.error ELSE '' END
FROM unnest(%(ids)s::bigint[], %(attempts)s::int[], %(states)s::varchar[], %(untried)s::bool[], %(sent)s::timestamptz[],
    %(due)s::timestamptz[], %(subjects)s::varchar[], %(provider_ids)s::varchar[], %(kinds)s::varchar[],
    %(errors)s::text[], %(domains)s::varchar[])
    AS outcome (id, attempt, state, untried, sent_at, due_at, subject, provider_id, error_kind, error, domain)
JOIN notifications_message claimed ON claimed.id = outcome.id
JOIN notifications_run run ON run.id = claimed.run_id
WHERE message.id = outcome.id AND message.attempts = outcome.attempt
    AND message.state IN ('{MessageState.SENDING}', '{MessageState.UNKNOWN}')
RETURNING outcome.domain)
INSERT INTO notifications_domainday (day, domain, sent)
SELECT %(day)s, domain, count(*) FROM recorded WHERE domain <> '' GROUP BY domain ORDER BY domain
ON CONFLICT (day, domain) DO UPDATE SET sent = notifications_domainday.sent + excluded.sent
"""


@dataclass(frozen=True)
class Outcome:
    """What became of one claimed message."""

    claim: Claim
    state: MessageState
    subject: str = ""
    provider_id: str = ""
    sent_at: datetime | None = None
    due_at: datetime | None = None
    error_kind: str = ""
    error: str = ""
    untried: bool = False
    domain: str = ""  # of the mailbox that took it

    @classmethod
    def sent(cls, claim: Claim, *, subject: str, provider_id: str, domain: str = "") -> Self:
        return cls(claim, MessageState.SENT, subject[:998], provider_id, sent_at=timezone.now(), domain=domain)

    @classmethod
    def given_back(cls, claim: Claim) -> Self:
        """Claimed, but nothing was tried."""
        return cls(claim, MessageState.PLANNED, untried=True)

    @classmethod
    def put_off(cls, claim: Claim, *, domain: str, seconds: float) -> Self:
        """Nothing was tried, because its domain rests or has got as much as it may."""
        return cls(
            claim,
            MessageState.PLANNED,
            due_at=timezone.now() + timedelta(seconds=seconds),
            error_kind="domain_rests",
            error=_("%(domain)s gets no mails for %(seconds)d seconds.") % {"domain": domain, "seconds": seconds + 1},
            untried=True,
        )

    @classmethod
    def given_up(cls, claim: Claim, error: DeliveryError) -> Self:
        """It will not be tried again."""
        return cls(claim, MessageState.FAILED, error_kind=error.kind, error=str(error))

    @classmethod
    def of_error(cls, claim: Claim, error: BaseException, *, subject: str = "") -> Self:
        """Only an error that is certainly before acceptance is tried again; one we do not know settles nothing."""
        kind = error.kind if isinstance(error, DeliveryError) else type(error).__name__
        due_at = None
        if isinstance(error, TransientError) and claim.attempt < MAX_ATTEMPTS:
            state, due_at = MessageState.PLANNED, timezone.now() + back_off(claim.attempt)
        elif isinstance(error, DeliveryError) and not isinstance(error, OutcomeUnknownError):
            state = MessageState.FAILED
        else:
            state = MessageState.UNKNOWN
        return cls(
            claim,
            state,
            subject=subject[:998],
            due_at=due_at,
            error_kind=kind[:32],
            error=str(error),
        )


def content_failure(claim: Claim, error: Exception) -> Outcome:
    """A message that could not be rendered; it never reached the provider."""
    return Outcome.of_error(claim, PermanentError(f"It could not be rendered: {error}"))


def back_off(attempt: int) -> timedelta:
    """How long to wait after the failed `attempt`: a minute, doubled each time, at most two hours."""
    return timedelta(seconds=min(60 * 2 ** (attempt - 1), 7200))


def record_outcomes(outcomes: Sequence[Outcome]) -> None:
    """Store the outcomes, waiting for a database that is away for a while. Harmless when repeated."""
    if not outcomes:
        return
    values: dict[str, Any] = {
        "day": timezone.now().date(),
        "ids": [each.claim.message_id for each in outcomes],
        "attempts": [each.claim.attempt for each in outcomes],
        "states": [str(each.state) for each in outcomes],
        "untried": [each.untried for each in outcomes],
        "sent": [each.sent_at for each in outcomes],
        "due": [each.due_at for each in outcomes],
        "subjects": [each.subject for each in outcomes],
        "provider_ids": [each.provider_id for each in outcomes],
        "kinds": [each.error_kind for each in outcomes],
        "errors": [each.error.replace("\x00", "") for each in outcomes],
        "domains": [each.domain for each in outcomes],
    }

    def record() -> None:
        with connection.cursor() as cursor:
            cursor.execute(_RECORD, values)

    patiently(record)
