"""Store what goes with every item, as the scoring job found it."""

import io
from collections.abc import Iterator
from datetime import datetime

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from recommendations.ml.artefacts import Arrays

BLOCK = 10_000  # items per COPY

_COLUMNS = "item_id, similar_ids, similarities, together_ids, lifts, orders, buyers"
_CREATE = """
CREATE TEMPORARY TABLE IF NOT EXISTS links_staging (item_id bigint, similar_ids bigint[], similarities float8[],
    together_ids bigint[], lifts float8[], orders integer[], buyers integer) ON COMMIT DELETE ROWS
"""
_MERGE = f"""
INSERT INTO recommendations_itemlinks ({_COLUMNS}, computed_at)
SELECT {_COLUMNS}, %(now)s FROM pg_temp.links_staging AS staged
WHERE EXISTS (SELECT FROM catalog_item WHERE id = staged.item_id)
ON CONFLICT (item_id) DO UPDATE SET
    similar_ids = excluded.similar_ids, similarities = excluded.similarities, together_ids = excluded.together_ids,
    lifts = excluded.lifts, orders = excluded.orders, buyers = excluded.buyers, computed_at = excluded.computed_at
"""
_DROP_OLD = "DELETE FROM recommendations_itemlinks WHERE computed_at < %(now)s"


def write_links(arrays: Arrays, *, now: datetime) -> None:
    """Replace the stored links by those of `arrays` (of `ml.links`), within the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(_CREATE)
        cursor.execute("TRUNCATE pg_temp.links_staging")
        for start in range(0, len(arrays["item_ids"]), BLOCK):
            lines = "".join(_lines(arrays, start, min(start + BLOCK, len(arrays["item_ids"]))))
            copy = f"COPY pg_temp.links_staging ({_COLUMNS}) FROM STDIN"
            cursor.cursor.copy_expert(copy, io.StringIO(lines))
        cursor.execute(_MERGE, {"now": now})
        cursor.execute(_DROP_OLD, {"now": now})


def _lines(arrays: Arrays, start: int, stop: int) -> Iterator[str]:
    for row in range(start, stop):
        similar = slice(*arrays["similar_offsets"][row : row + 2])
        together = slice(*arrays["together_offsets"][row : row + 2])
        lists = (
            *(_list(arrays["similar_ids"][similar]), _list(arrays["similarities"][similar])),
            *(_list(arrays["together_ids"][together]), _list(arrays["lifts"][together])),
            _list(arrays["orders"][together]),
        )
        yield "\t".join([str(arrays["item_ids"][row]), *lists, str(arrays["buyers"][row])]) + "\n"


def _list(values: NDArray[np.generic]) -> str:
    return "{" + ",".join(f"{value:.5g}" if isinstance(value, float) else str(value) for value in values.tolist()) + "}"
