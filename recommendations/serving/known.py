"""All that is known of a customer when a page asks: what the last scoring left, and what came in since."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from recommendations.choices import ShelfKind
from recommendations.serving.recent import INTEREST, LOST, NewEvent
from users.choices import ConsentPurpose

LOOKED_AT = 30  # newest events
NEIGHBOURS = 15  # of the item of each
OLDEST = timedelta(days=90)  # of events for a customer who was never scored
OVERLAP = timedelta(minutes=1)  # an event may have been on its way in when the scoring began
LATE = timedelta(days=7)  # an event may arrive so long after it happened

_KNOWN = """
SELECT customer.id, coalesce(scored.item_ids, '{}'), scored.reason_item_ids, scored.bought_before,
    (SELECT item_ids FROM recommendations_shelf
     WHERE kind = %(popular)s AND country IN ('', customer.country) ORDER BY country DESC LIMIT 1),
    (SELECT item_ids FROM recommendations_shelf
     WHERE kind = %(new)s AND country IN ('', customer.country) ORDER BY country DESC LIMIT 1),
    (SELECT json_agg(
         json_build_array(event.item_id, event.type, links.similar_ids[:%(neighbours)s]) ORDER BY event.place
     ) FROM apropos_newest(
         customer.id, %(types)s::smallint[],
         coalesce(scored.scored_at - %(late)s, %(now)s - %(oldest)s),
         coalesce(scored.scored_at - %(overlap)s, '-infinity'), %(looked_at)s
     ) WITH ORDINALITY AS event(item_id, type, place)
     LEFT JOIN recommendations_itemlinks AS links ON links.item_id = event.item_id),
    coalesce((SELECT granted FROM users_consent WHERE customer_id = customer.id AND purpose = %(profiling)s
              ORDER BY recorded_at DESC, id DESC LIMIT 1), true)
FROM users_customer AS customer
LEFT JOIN recommendations_recommendation AS scored ON scored.customer_id = customer.id
"""
_BY_KEY = _KNOWN + "WHERE customer.id = %(customer)s"
_BY_NAME = f"""{_KNOWN}
WHERE customer.erased_at IS NULL AND customer.id = (
    SELECT coalesce(merged_into_id, id) FROM users_customer WHERE external_id = %(customer)s
)"""


@dataclass(frozen=True, slots=True)
class Known:
    """items: recommended, best first. reasons: of each, an item of the customer's history or None. bought: those of
    them that the customer had bought. popular, new: the shelves of the customer's country, or else of everywhere.
    events: what came in since, newest first. may_learn: whether the customer did not object to profiling.
    """

    customer_id: int
    items: list[int]
    reasons: dict[int, int | None]
    bought: dict[int, bool]
    popular: list[int]
    new: list[int]
    events: list[NewEvent]
    may_learn: bool


def known_of(customer_id: int) -> Known | None:
    """One query, whatever the history; None where there is no such customer."""
    return _known(_BY_KEY, customer_id)


def known_by_name(external_id: str) -> Known | None:
    """The same by the shop's own id: of the customer, or of the one that it was merged into. None for the erased."""
    return None if "\0" in external_id else _known(_BY_NAME, external_id)  # PostgreSQL keeps no NUL


def _known(statement: str, customer: int | str) -> Known | None:
    values: dict[str, Any] = {
        "customer": customer,
        "popular": ShelfKind.POPULAR,
        "new": ShelfKind.NEW,
        "profiling": ConsentPurpose.PROFILING,
        "types": [*INTEREST, *LOST],
        "now": timezone.now(),
        "late": LATE,
        "oldest": OLDEST,
        "overlap": OVERLAP,
        "looked_at": LOOKED_AT,
        "neighbours": NEIGHBOURS,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        row = cursor.fetchone()
    if row is None:
        return None
    customer_id, items, reasons, bought, popular, new, events, may_learn = row
    return Known(
        customer_id=customer_id,
        items=items,
        reasons=dict(zip(items, reasons or (), strict=True)),
        bought=dict(zip(items, bought or (), strict=True)),
        popular=popular or [],
        new=new or [],
        events=[NewEvent(item, kind, neighbours or []) for item, kind, neighbours in events or ()],
        may_learn=may_learn,
    )
