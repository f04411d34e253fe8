"""What a message is about, settled when it is due: the cart as it lies there, and only what can still be bought.

Each is SQL of the enrolment's `items`, over its alias `way`. Kinds without an entry keep what they entered with.
"""

from notifications.campaigns.triggers.candidates import MOST_ITEMS
from notifications.choices import TriggerKind
from users.choices import EventType

_AVAILABLE = "item.is_active AND (item.stock IS NULL OR item.stock > 0)"


def _latest(*, kept: EventType, undone: str, window: str) -> str:
    """Items whose last event of the kinds that matter is `kept`."""
    return f"""
SELECT jsonb_agg(jsonb_build_object('item', latest.item_id, 'quantity', latest.quantity) ORDER BY latest.at DESC)
FROM (
    SELECT last.item_id, last.quantity, last.occurred_at AS at
    FROM (
        SELECT DISTINCT ON (event.item_id) event.item_id, event.type, event.quantity, event.occurred_at
        FROM users_event event
        WHERE event.customer_id = way.customer_id AND event.item_id IS NOT NULL
            AND event.occurred_at > way.occurred_at - interval '{window}' AND event.type IN ({kept:d}, {undone})
        ORDER BY event.item_id, event.occurred_at DESC, event.id DESC
    ) AS last
    JOIN catalog_item item ON item.id = last.item_id AND {_AVAILABLE}
    WHERE last.type = {kept:d} ORDER BY last.occurred_at DESC LIMIT {MOST_ITEMS}
) AS latest"""


def _still(condition: str) -> str:
    """The lines that still hold, in their order."""
    return f"""
SELECT jsonb_agg(known.line ORDER BY known.place)
FROM jsonb_array_elements(way.items) WITH ORDINALITY AS known (line, place)
JOIN catalog_item item ON item.id = (known.line->>'item')::bigint AND {_AVAILABLE} AND {condition}
WHERE known.place <= {MOST_ITEMS}"""


SUBJECTS: dict[str, str] = {
    TriggerKind.CART_ABANDONED: _latest(
        kept=EventType.ADD_TO_CART,
        undone=f"{EventType.REMOVE_FROM_CART:d}, {EventType.PURCHASE:d}",
        window="30 days",
    ),
    TriggerKind.BROWSE_ABANDONED: _latest(
        kept=EventType.VIEW, undone=f"{EventType.ADD_TO_CART:d}, {EventType.PURCHASE:d}", window="1 day"
    ),
    TriggerKind.PRICE_DROP: _still("item.price < (known.line->>'was')::numeric"),
    TriggerKind.BACK_IN_STOCK: _still("true"),
    TriggerKind.NEW_ITEM: _still("true"),
}
