"""Shelves for customers of whom nothing is known, and the recommendations that they get from them."""

from datetime import datetime
from typing import Any

from django.db import connection

from recommendations.choices import ShelfKind
from users.choices import EventType

LENGTH = 100  # items on a shelf
NEW_DAYS = 30  # an item is new for so long …
NEW_BUYERS = 5  # … and until so many customers bought it
# A country's own buyers count beside the whole shop's as if it had had so many more, spread as everywhere.
PRIOR_BUYERS = 50

_POPULAR = """
WITH bought AS (
    SELECT customer.country, event.item_id, count(DISTINCT event.customer_id) AS buyers
    FROM users_event AS event JOIN users_customer AS customer ON customer.id = event.customer_id
    WHERE event.type = %(purchase)s AND event.item_id = ANY(%(allowed)s) AND (event.suspect > 0) IS NOT TRUE
      AND event.occurred_at > (SELECT max(occurred_at) FROM users_event WHERE type = %(purchase)s) - interval '90 days'
    GROUP BY customer.country, event.item_id
), overall AS (
    SELECT item_id, sum(buyers) AS buyers, sum(sum(buyers)) OVER () AS total,
           row_number() OVER (ORDER BY sum(buyers) DESC, item_id) AS place
    FROM bought GROUP BY item_id
), candidates AS (
    SELECT country, item_id FROM bought WHERE country <> ''
    UNION
    SELECT country, item_id FROM (SELECT DISTINCT country FROM bought WHERE country <> '') AS known
    CROSS JOIN overall WHERE place <= %(length)s
), weighed AS (
    SELECT '' AS country, item_id, buyers, buyers::float8 AS weight FROM overall
    UNION ALL
    SELECT candidates.country, item_id, coalesce(bought.buyers, 0),
           coalesce(bought.buyers, 0) + %(prior)s * overall.buyers / overall.total
    FROM candidates JOIN overall USING (item_id) LEFT JOIN bought USING (country, item_id)
), placed AS (
    SELECT *, row_number() OVER (PARTITION BY country ORDER BY weight DESC, item_id) AS place FROM weighed
)
INSERT INTO recommendations_shelf (kind, country, item_ids, buyers, computed_at)
SELECT %(kind)s, country, array_agg(item_id ORDER BY place), array_agg(buyers ORDER BY place), %(now)s
FROM placed WHERE place <= %(length)s GROUP BY country
"""

_NEW = """
INSERT INTO recommendations_shelf (kind, country, item_ids, buyers, computed_at)
SELECT %(kind)s, '', array_agg(id ORDER BY created_at DESC, id), array_agg(buyers ORDER BY created_at DESC, id), %(now)s
FROM (
    SELECT item.id, item.created_at, coalesce(links.buyers, 0) AS buyers
    FROM catalog_item AS item LEFT JOIN recommendations_itemlinks AS links ON links.item_id = item.id
    WHERE item.id = ANY(%(allowed)s) AND coalesce(links.buyers, 0) < %(buyers)s
      AND item.created_at > %(now)s - make_interval(days => %(days)s)
    ORDER BY item.created_at DESC, item.id LIMIT %(length)s
) AS newest HAVING count(*) > 0
"""

# A customer without history gets what many bought lately in the same country, and no reason is made up for it.
_NEWCOMERS = """
INSERT INTO recommendations_recommendation (customer_id, model_version_id, item_ids, scores, reason_item_ids,
                                            bought_before, scored_at)
SELECT customer.id, %(version)s, shelf.item_ids[:%(kept)s], shelf.buyers[:%(kept)s]::float8[],
       array_fill(NULL::bigint, ARRAY[least(%(kept)s, cardinality(shelf.item_ids))]),
       array_fill(FALSE, ARRAY[least(%(kept)s, cardinality(shelf.item_ids))]), %(now)s
FROM users_customer AS customer
LEFT JOIN recommendations_shelf AS own ON own.kind = %(kind)s AND own.country = customer.country
JOIN recommendations_shelf AS shelf ON shelf.kind = %(kind)s AND shelf.country = coalesce(own.country, '')
LEFT JOIN recommendations_recommendation AS known ON known.customer_id = customer.id
WHERE customer.erased_at IS NULL AND customer.merged_into_id IS NULL
  AND customer.id BETWEEN %(first)s AND %(last)s AND (known.customer_id IS NULL OR known.scored_at < %(now)s)
ON CONFLICT (customer_id) DO UPDATE SET
    model_version_id = excluded.model_version_id, item_ids = excluded.item_ids, scores = excluded.scores,
    reason_item_ids = excluded.reason_item_ids, bought_before = excluded.bought_before, scored_at = excluded.scored_at
"""


def fill_shelves(*, allowed: list[int], now: datetime) -> None:
    """Replace all shelves, within the caller's transaction; the links must be written already."""
    bounds: dict[str, Any] = {"allowed": allowed, "length": LENGTH, "now": now}
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM recommendations_shelf")
        cursor.execute(
            _POPULAR,
            {**bounds, "kind": ShelfKind.POPULAR, "purchase": EventType.PURCHASE, "prior": PRIOR_BUYERS},
        )
        cursor.execute(_NEW, {**bounds, "kind": ShelfKind.NEW, "buyers": NEW_BUYERS, "days": NEW_DAYS})


def serve_newcomers(*, version_id: int, kept: int, now: datetime, first: int = 1, last: int = 2**63 - 1) -> int:
    """Give everybody (in the range of ids) who was not scored since `now` the shelf of their country; how many."""
    values: dict[str, Any] = {"version": version_id, "kept": kept, "now": now, "kind": ShelfKind.POPULAR}
    values |= {"first": first, "last": last}
    with connection.cursor() as cursor:
        cursor.execute(_NEWCOMERS, values)
        written: int = cursor.rowcount
    return written
