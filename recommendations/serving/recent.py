"""What a customer did since the stored rows were computed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from recommendations.serving.fusion import Ranking
from users.choices import ConsentPurpose, EventType

# How much the neighbours of an item count beside the stored order (1), by what the customer did with it.
INTEREST = {
    EventType.VIEW: 0.6,
    EventType.CLICK: 0.6,
    EventType.RATING: 0.6,
    EventType.WISHLIST: 0.8,
    EventType.ADD_TO_CART: 1.0,
    EventType.PURCHASE: 0.8,
}
LOST = frozenset({EventType.REMOVE_FROM_CART, EventType.REFUND})
LOOKED_AT = 30  # newest events
KEPT = 5  # newest items among them whose neighbours are mixed in
FADING = 0.8  # weight of the item before relative to the one after it
NEIGHBOURS = 15  # of each item
OLDEST = timedelta(days=90)  # of events for a customer who was never scored
OVERLAP = timedelta(minutes=1)  # an event may have been on its way in when the scoring began
LATE = timedelta(days=7)  # an event may arrive so long after it happened


# The newest events with the neighbours of their items, and whether anything may be learnt from them: what the customer
# said last. The times are constants, so that only the partitions of those months are planned for.
_NEWEST = """
SELECT event.item_id, event.type, links.similar_ids[:%(neighbours)s],
    coalesce((SELECT granted FROM users_consent WHERE customer_id = %(customer)s AND purpose = %(profiling)s
              ORDER BY recorded_at DESC, id DESC LIMIT 1), true)
FROM (
    SELECT item_id, type, occurred_at, id FROM users_event
    WHERE customer_id = %(customer)s AND item_id IS NOT NULL AND type = ANY(%(types)s)
        AND occurred_at >= %(happened)s AND received_at > %(received)s AND coalesce(suspect, 0) <= 0
    ORDER BY occurred_at DESC, id DESC LIMIT %(looked_at)s
) AS event
LEFT JOIN recommendations_itemlinks AS links ON links.item_id = event.item_id
ORDER BY event.occurred_at DESC, event.id DESC
"""


@dataclass(frozen=True, slots=True)
class Recent:
    """rankings: the neighbours of each item of interest, because of that item, newest first.
    bought: items bought since, whoever sells them again.
    """

    rankings: list[Ranking]
    bought: frozenset[int]


def what_is_new(*, customer_id: int, scored_at: datetime | None) -> Recent:
    """What came in since `scored_at`. Nothing for a customer who objects to profiling, except what was bought."""
    happened = scored_at - LATE if scored_at else timezone.now() - OLDEST
    values: dict[str, Any] = {
        "customer": customer_id,
        "profiling": ConsentPurpose.PROFILING,
        "types": [*INTEREST, *LOST],
        "happened": happened,
        "received": scored_at - OVERLAP if scored_at else happened,
        "looked_at": LOOKED_AT,
        "neighbours": NEIGHBOURS,
    }
    with connection.cursor() as cursor:
        cursor.execute(_NEWEST, values)
        newest = cursor.fetchall()
    bought = frozenset(item for item, kind, _, _ in newest if kind == EventType.PURCHASE)
    interests: dict[int, Ranking] = {}
    given_up: set[int] = set()
    for item, kind, neighbours, may_learn in newest:
        if kind in LOST:
            given_up.add(item)
        elif may_learn and item not in interests and item not in given_up and len(interests) < KEPT:
            weight = INTEREST[EventType(kind)] * FADING ** len(interests)
            interests[item] = Ranking(neighbours or [], weight, because_of=item)
    return Recent(list(interests.values()), bought)
