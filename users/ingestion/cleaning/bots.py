"""Customers and visitors that no person is: too many events in a minute, or as regular as a clock.

Regularity is the Shannon entropy of the seconds between a customer's actions (Shannon 1948): people reach four bits and
more, a loop with a fixed pause has none, one that waits one to three seconds at random has about 1.5.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from catalog.tally import Tally
from users.choices import BotReason, EventType
from users.ingestion import quality

WINDOW = timedelta(days=1)
SESSION_BREAK = timedelta(minutes=30)  # longer pauses say nothing of a rhythm
LEAST_PAUSES = 100  # fewer have no rhythm yet

# What people do by hand. Orders arrive with all their lines at one time, impressions by the page.
_BY_HAND = (
    *(EventType.VIEW, EventType.SEARCH, EventType.ADD_TO_CART, EventType.REMOVE_FROM_CART, EventType.WISHLIST),
    *(EventType.CLICK, EventType.PAGE),
)

# Events of one time are one action (imports know the day only); for the rhythm, those of one second are.
_MARK = f"""
WITH action AS MATERIALIZED (
    SELECT DISTINCT customer_id, occurred_at FROM users_event
    WHERE type IN ({", ".join(str(int(kind)) for kind in _BY_HAND)}) AND occurred_at > %(since)s
), minute AS (
    SELECT customer_id, sum(actions) AS actions, max(actions) AS per_minute
    FROM (SELECT customer_id, count(*) AS actions FROM action
          GROUP BY customer_id, date_trunc('minute', occurred_at)) AS by_minute
    GROUP BY customer_id HAVING sum(actions) >= least(%(per_minute)s, %(least)s)
), pause AS (
    SELECT customer_id,
           second - lag(second) OVER (PARTITION BY customer_id ORDER BY second) AS pause
    FROM (SELECT DISTINCT customer_id, date_trunc('second', occurred_at) AS second
          FROM action JOIN minute USING (customer_id)) AS by_second
), rhythm AS (
    SELECT customer_id, log(2, sum(n)) - sum(n * log(2, n)) / sum(n) AS entropy, sum(n) AS pauses
    FROM (SELECT customer_id, count(*)::numeric AS n FROM pause
          WHERE pause < make_interval(secs => %(session_break)s) GROUP BY customer_id, pause) AS by_pause
    GROUP BY customer_id
), judged AS (
    SELECT customer_id, actions, per_minute, round(entropy, 2) AS entropy,
           CASE WHEN per_minute >= %(per_minute)s THEN '{BotReason.RATE}'
                WHEN pauses >= %(least)s AND entropy < %(entropy)s THEN '{BotReason.RHYTHM}' END AS reason
    FROM minute LEFT JOIN rhythm USING (customer_id)
)
INSERT INTO users_botmark (customer_id, reason, actions, per_minute, entropy, marked_at)
SELECT judged.customer_id, reason, actions, per_minute, entropy, now()
FROM judged JOIN users_customer AS customer ON customer.id = judged.customer_id
WHERE reason IS NOT NULL AND customer.erased_at IS NULL
ORDER BY judged.customer_id
ON CONFLICT (customer_id) DO NOTHING
RETURNING customer_id, reason, actions, per_minute, entropy
"""


def mark_bots(*, now: datetime) -> list[int]:
    """Mark who behaved like a machine in the day before `now`. Returns the ids of those newly marked.

    Somebody whom staff cleared is not marked again.
    """
    tally = Tally("behaviour")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            _MARK,
            {
                "since": now - WINDOW,
                "per_minute": settings.BOT_EVENTS_PER_MINUTE,
                "entropy": settings.BOT_ENTROPY_BITS,
                "least": LEAST_PAUSES,
                "session_break": SESSION_BREAK.total_seconds(),
            },
        )
        marked = cursor.fetchall()
        for customer_id, _reason, actions, per_minute, entropy in marked:
            figures = f"{actions} × / {WINDOW.days} d, ≤ {per_minute} / min, {'—' if entropy is None else entropy} bit"
            tally.note("bot", f"#{customer_id}", figures)
        quality.save_tally(tally)
    return [row[0] for row in marked]


def clear_bots(*, customer_ids: Sequence[int], user_id: int | None) -> int:
    """Say that these are people after all, for good: their events count again. Returns how many changed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE users_botmark SET cleared_at = now(), cleared_by_id = %s "
            "WHERE customer_id = ANY(%s) AND cleared_at IS NULL",
            [user_id, list(customer_ids)],
        )
        return cursor.rowcount


def unclear_bots(*, customer_ids: Sequence[int]) -> int:
    """Take back that these are people. Returns how many changed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE users_botmark SET cleared_at = NULL, cleared_by_id = NULL "
            "WHERE customer_id = ANY(%s) AND cleared_at IS NOT NULL",
            [list(customer_ids)],
        )
        return cursor.rowcount
