"""What the last scoring left for a customer."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from recommendations.choices import ShelfKind

_STORED = """
SELECT coalesce(scored.item_ids, '{}'), scored.reason_item_ids, scored.bought_before, scored.scored_at,
    (SELECT item_ids FROM recommendations_shelf
     WHERE kind = %(popular)s AND country IN ('', customer.country) ORDER BY country DESC LIMIT 1),
    (SELECT item_ids FROM recommendations_shelf
     WHERE kind = %(new)s AND country IN ('', customer.country) ORDER BY country DESC LIMIT 1)
FROM users_customer AS customer
LEFT JOIN recommendations_recommendation AS scored ON scored.customer_id = customer.id
WHERE customer.id = %(customer)s
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """items: recommended, best first. reasons: of each, an item of the customer's history or None. bought: those of
    them that the customer had bought. popular, new: the shelves of the customer's country, or else of everywhere.
    """

    items: list[int]
    reasons: dict[int, int | None]
    bought: dict[int, bool]
    scored_at: datetime | None
    popular: list[int]
    new: list[int]


def stored_for(customer_id: int) -> Stored:
    """One query; everything is empty for a customer who does not exist."""
    with connection.cursor() as cursor:
        cursor.execute(_STORED, {"customer": customer_id, "popular": ShelfKind.POPULAR, "new": ShelfKind.NEW})
        items, reasons, bought, scored_at, popular, new = cursor.fetchone() or ([], None, None, None, None, None)
    return Stored(
        items=items,
        reasons=dict(zip(items, reasons or (), strict=True)),
        bought=dict(zip(items, bought or (), strict=True)),
        scored_at=scored_at,
        popular=popular or [],
        new=new or [],
    )
