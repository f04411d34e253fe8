"""How the mailboxes of each domain take our mail: sent, bounced, complained of; and what the large ones allow."""

from dataclasses import dataclass
from datetime import date, timedelta

from django.db import connection
from django.utils import timezone

from notifications.choices import FeedbackKind

# Gmail's and Yahoo's rules for bulk senders: spam rate below 0.1%, and never 0.3%. Of bounces, 2% is a common limit.
COMPLAINTS_GOOD, COMPLAINTS_BAD = 0.001, 0.003
BOUNCES_GOOD, BOUNCES_BAD = 0.02, 0.05
ENOUGH = 100  # mails below which a rate says nothing

_HEALTH = f"""
WITH sent AS (
    SELECT domain, sum(sent)::bigint AS sent FROM notifications_domainday WHERE day >= %(since)s GROUP BY domain
), answered AS (
    SELECT domain, count(*) FILTER (WHERE kind = '{FeedbackKind.HARD_BOUNCE}') AS hard,
        count(*) FILTER (WHERE kind = '{FeedbackKind.SOFT_BOUNCE}') AS soft,
        count(*) FILTER (WHERE kind = '{FeedbackKind.COMPLAINT}') AS complaints
    FROM notifications_feedback WHERE occurred_at >= %(since)s AND domain <> '' GROUP BY domain
)
SELECT domain, coalesce(sent, 0), coalesce(hard, 0), coalesce(soft, 0), coalesce(complaints, 0)
FROM sent FULL JOIN answered USING (domain) ORDER BY 2 DESC, domain LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class DomainHealth:
    """One domain's figures over the days asked for."""

    domain: str
    sent: int
    hard_bounces: int
    soft_bounces: int
    complaints: int

    @property
    def bounce_rate(self) -> float | None:
        """Hard bounces per mail sent; None while there are too few to say."""
        return self.hard_bounces / self.sent if self.sent >= ENOUGH else None

    @property
    def complaint_rate(self) -> float | None:
        """Complaints per mail sent; None while there are too few to say."""
        return self.complaints / self.sent if self.sent >= ENOUGH else None


def domain_of(address: str) -> str:
    """The domain of a mail address in lower case, or nothing."""
    return address.rpartition("@")[2].strip("<> .").lower()[:255] if "@" in address else ""


def domain_health(*, days: int, limit: int = 50) -> list[DomainHealth]:
    """The domains that got most mail in the last `days`, with what came back."""
    with connection.cursor() as cursor:
        cursor.execute(_HEALTH, {"since": timezone.now().date() - timedelta(days=days - 1), "limit": limit})
        return [DomainHealth(*row) for row in cursor.fetchall()]


def sent_by_day(*, days: int) -> list[tuple[date, int]]:
    """Mails a day over the last `days`, oldest first, days without any included."""
    today = timezone.now().date()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT day, sum(sent)::bigint FROM notifications_domainday WHERE day > %s GROUP BY day",
            [today - timedelta(days=days)],
        )
        found = dict(cursor.fetchall())
    return [(day, found.get(day, 0)) for day in (today - timedelta(days=back) for back in range(days - 1, -1, -1))]


def level(rate: float | None, *, good: float, bad: float) -> str:
    """`good`, `warning` or `bad`; empty while nothing can be said."""
    if rate is None:
        return ""
    return "good" if rate < good else "warning" if rate < bad else "bad"
