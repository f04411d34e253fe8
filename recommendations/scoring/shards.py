"""Scoring in shards that many workers share: of everybody, or of whoever did something since.

A shard is a range of customers. Who in it is to be scored is read when the shard is worked on, so a shard that is
delivered twice, or again after its worker was killed, finds only what is left (and who acted within the last minute).
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Max

from recommendations.export.interactions import POSITIVE_TYPES
from recommendations.models import ItemLinks
from recommendations.registry import champion
from recommendations.scoring.customers import KEPT, score_again, serving_version
from recommendations.scoring.shelves import serve_newcomers

SHARD = 20_000  # customers; small enough to be done again without much harm
LATE = timedelta(days=7)  # an event may arrive so long after it happened
OVERLAP = timedelta(minutes=1)  # an event may have been on its way in when its customer was scored
_ALL = 2**63 - 1

Range = tuple[int, int]

_CHANGED = """
SELECT DISTINCT event.customer_id
FROM users_event AS event
JOIN users_customer AS customer ON customer.id = event.customer_id AND customer.erased_at IS NULL
LEFT JOIN recommendations_recommendation AS known ON known.customer_id = event.customer_id
WHERE event.customer_id BETWEEN %(first)s AND %(last)s
  AND event.occurred_at > %(since)s AND event.item_id IS NOT NULL AND event.type = ANY(%(types)s)
  AND (event.suspect > 0) IS NOT TRUE
  AND (known.scored_at IS NULL OR event.received_at > known.scored_at - %(overlap)s)
ORDER BY event.customer_id
"""

_EVERYBODY = """
SELECT min(id), max(id) FROM (
    SELECT id, (row_number() OVER (ORDER BY id) - 1) / %(size)s AS shard
    FROM users_customer WHERE erased_at IS NULL AND merged_into_id IS NULL
) AS numbered GROUP BY shard ORDER BY shard
"""

_LEFT = """
SELECT customer.id FROM users_customer AS customer
LEFT JOIN recommendations_recommendation AS known ON known.customer_id = customer.id
WHERE customer.id BETWEEN %(first)s AND %(last)s AND customer.erased_at IS NULL AND customer.merged_into_id IS NULL
  AND (known.scored_at IS NULL OR known.scored_at < %(started)s)
ORDER BY customer.id
"""


def shards_with_news(*, size: int = SHARD) -> list[Range]:
    """Ranges (first, last) of customer ids that hold at most `size` customers with news each.

    None before the first full scoring, which everybody needs anyway.
    """
    changed = _changed(1, _ALL)
    return [(part[0], part[-1]) for part in (changed[start : start + size] for start in range(0, len(changed), size))]


def shards_of_everybody(*, size: int = SHARD) -> list[Range]:
    """Ranges (first, last) of customer ids with `size` customers each."""
    with connection.cursor() as cursor:
        cursor.execute(_EVERYBODY, {"size": size})
        return [(first, last) for first, last in cursor.fetchall()]


def score_shard(*, first: int, last: int, started: datetime | None = None) -> int:
    """Score the customers of a range: with `started` those not scored since, else those with news.

    Returns the number of Recommendation rows written. Raises as `score_customers` does.
    """
    if started is None:
        changed = _changed(first, last)
        return score_again(customer_ids=changed) if changed else 0
    with connection.cursor() as cursor:
        cursor.execute(_LEFT, {"first": first, "last": last, "started": started})
        left = [row[0] for row in cursor.fetchall()]
    written = score_again(customer_ids=left) if left else 0
    version = serving_version()
    return written + serve_newcomers(version_id=version.pk, kept=KEPT, now=started, first=first, last=last)


def _changed(first: int, last: int) -> list[int]:
    scored_at: datetime | None = ItemLinks.objects.aggregate(at=Max("computed_at"))["at"]
    if scored_at is None or champion() is None:
        return []
    values: dict[str, Any] = {"first": first, "last": last, "since": scored_at - LATE, "overlap": OVERLAP}
    values["types"] = [int(kind) for kind in POSITIVE_TYPES]
    with connection.cursor() as cursor:
        cursor.execute(_CHANGED, values)
        return [row[0] for row in cursor.fetchall()]
