"""All events that tell of an interest, as arrays."""

from collections.abc import Sequence

from recommendations.export.arrays import copy_columns
from recommendations.ml.interactions import Interactions
from users.choices import EventType
from users.privacy.consents import NOT_TO_LEARN_FROM
from users.profiles.definitions import COUNTED

POSITIVE_TYPES = (
    *(EventType.VIEW, EventType.ADD_TO_CART, EventType.WISHLIST, EventType.PURCHASE),
    *(EventType.RATING, EventType.CLICK),
)


def export_interactions(
    *, types: Sequence[int] = POSITIVE_TYPES, customer_ids: Sequence[int] | None = None
) -> Interactions:
    """All events of `types` that name an item, of customers who were not erased and do not object to profiling;
    with `customer_ids` only of these.

    `value` is the stars of a rating, the quantity of a purchase, else 1. Memory is about 100 bytes an event at its
    highest, and 21 bytes in the end.
    """
    chosen = ", ".join(str(int(kind)) for kind in types)
    whose = "" if customer_ids is None else "AND customer_id = ANY(%(customers)s)"
    columns = copy_columns(
        f"""
        SELECT customer_id, item_id, type, floor(date_part('epoch', occurred_at)) AS time,
               coalesce(value, quantity, 1) AS value
        FROM users_event AS event
        WHERE item_id IS NOT NULL AND type IN ({chosen}) AND {COUNTED}
              AND customer_id NOT IN ({NOT_TO_LEARN_FROM}) {whose}
        """,
        {"customer_id": "bigint", "item_id": "bigint", "type": "smallint", "time": "bigint", "value": "real"},
        None if customer_ids is None else {"customers": list(customer_ids)},
    )
    return Interactions.from_arrays(*(columns.pop(name) for name in list(columns)))
