"""Events out of the database into arrays, by binary COPY. Only pseudonymous ids and coarse columns leave."""

import tempfile
from collections.abc import Sequence
from typing import IO

import numpy as np
from django.db import connection

from recommendations.ml.interactions import Interactions
from users.choices import EventType
from users.privacy.consents import NOT_TO_LEARN_FROM

POSITIVE_TYPES = (
    *(EventType.VIEW, EventType.ADD_TO_CART, EventType.WISHLIST, EventType.PURCHASE),
    *(EventType.RATING, EventType.CLICK),
)

# PostgreSQL's binary COPY: a 19-byte header, rows of (field count, then length and value of each field), a 2-byte end.
# None of our columns is NULL, so every row has the same width and the file is one structured array.
_HEADER = 19
_TRAILER = 2
_ROW = np.dtype(
    [
        ("fields", ">i2"),
        *(("customer_length", ">i4"), ("customer", ">i8")),
        *(("item_length", ">i4"), ("item", ">i8")),
        *(("type_length", ">i4"), ("type", ">i2")),
        *(("time_length", ">i4"), ("time", ">i8")),
        *(("value_length", ">i4"), ("value", ">f4")),
    ]
)


def export_interactions(*, types: Sequence[int] = POSITIVE_TYPES) -> Interactions:
    """All events of `types` that name an item, of customers who were not erased and do not object to profiling.

    `value` is the stars of a rating, the quantity of a purchase, else 1. Memory is about 60 bytes an event.
    """
    chosen = ", ".join(str(int(kind)) for kind in types)
    query = f"""
        SELECT customer_id, item_id, type, extract(epoch FROM occurred_at)::bigint,
               coalesce(value, quantity, 1)::real
        FROM users_event WHERE item_id IS NOT NULL AND type IN ({chosen})
              AND customer_id NOT IN ({NOT_TO_LEARN_FROM})
    """
    with tempfile.TemporaryFile() as file:
        with connection.cursor() as cursor:
            cursor.cursor.copy_expert(f"COPY ({query}) TO STDOUT (FORMAT binary)", file)
        rows = _read(file)
    return Interactions.from_arrays(rows["customer"], rows["item"], rows["type"], rows["time"], rows["value"])


def _read(file: IO[bytes]) -> np.ndarray:
    size = file.seek(0, 2)
    count, rest = divmod(size - _HEADER - _TRAILER, _ROW.itemsize)
    if rest:
        raise ValueError(f"The database sent {size} bytes, which is no whole number of rows.")
    file.seek(_HEADER)
    return np.fromfile(file, dtype=_ROW, count=count)


def recommendable_items() -> list[int]:
    """Ids of the items that may be recommended: on sale, and in stock where the shop counts it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM catalog_item WHERE is_active AND price >= 0 AND coalesce(stock, 1) > 0 ORDER BY id"
        )
        return [item_id for (item_id,) in cursor.fetchall()]


def not_repurchasable_items() -> list[int]:
    """Ids of the items that nobody buys twice."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM catalog_item WHERE NOT is_repurchasable ORDER BY id")
        return [item_id for (item_id,) in cursor.fetchall()]
