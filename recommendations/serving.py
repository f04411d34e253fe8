"""What a shop page asks for: the stored recommendations of one customer, as they can be shown now."""

from dataclasses import dataclass

from catalog.models import Item
from recommendations.models import Recommendation


@dataclass(frozen=True, slots=True)
class Recommended:
    """One recommended item; `because_of` is an item of the customer's own history, or None."""

    item: Item
    score: float
    because_of: Item | None
    bought_before: bool


def recommended_items(*, customer_id: int, count: int) -> list[Recommended]:
    """The best `count` stored recommendations that are still on sale and in stock, best first; two queries."""
    row = Recommendation.objects.filter(customer_id=customer_id).first()
    if row is None:
        return []
    wanted = {*row.item_ids, *(item_id for item_id in row.reason_item_ids if item_id is not None)}
    items = Item.objects.in_bulk(wanted)
    shown = []
    columns = (row.item_ids, row.scores, row.reason_item_ids, row.bought_before)
    for item_id, score, reason_id, bought in zip(*columns, strict=True):
        item = items.get(item_id)
        if item is not None and item.is_active and item.stock != 0:
            because_of = items.get(reason_id) if reason_id is not None else None
            shown.append(Recommended(item, score, because_of, bought))
        if len(shown) == count:
            break
    return shown
