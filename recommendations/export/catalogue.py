"""What is known of every item besides its events: features, texts, and vectors where the shop supplies any."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from recommendations.export.features import export_items

if TYPE_CHECKING:
    from recommendations.ml.catalogue import Catalogue

VECTOR = "vector"  # the attribute of an item that holds its vector, a list of numbers (of a picture, say)
LONGEST = 1000  # characters of a text


def export_catalogue() -> "Catalogue":
    """Every item. Memory is about 1 kB an item, and what its vector takes."""
    from recommendations.ml.catalogue import Catalogue  # loads torch, which web workers do without

    features = export_items()
    texts = dict.fromkeys(features.ids.tolist(), "")
    vectors: dict[int, str] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, left(concat_ws(' ', title, brand, description), {LONGEST}), (attributes->'{VECTOR}')::text"
            " FROM catalog_item WHERE id = ANY(%s)",
            [features.ids.tolist()],
        )
        for item_id, text, vector in cursor:
            texts[item_id] = text
            if vector is not None:
                vectors[item_id] = vector
    return Catalogue(features, list(texts.values()), _given(features.ids.tolist(), vectors))


def _given(item_ids: Sequence[int], vectors: dict[int, str]) -> NDArray[np.float32]:
    """The vectors [n, d], NaN where there is none. Those of another length than most, or of no numbers, are none."""
    parsed = {item_id: json.loads(text) for item_id, text in vectors.items()}
    usable = {item_id: row for item_id, row in parsed.items() if isinstance(row, list) and _all_numbers(row)}
    lengths = Counter(len(row) for row in usable.values())
    width = lengths.most_common(1)[0][0] if lengths else 0
    given = np.full((len(item_ids), width), np.nan, dtype=np.float32)
    for place, item_id in enumerate(item_ids):
        row = usable.get(item_id, ())
        if len(row) == width:
            given[place] = row
    return given


def _all_numbers(row: list[object]) -> bool:
    return all(isinstance(number, int | float) and not isinstance(number, bool) for number in row)
