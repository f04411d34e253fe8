"""What a triggered message is about, for its template: `trigger.items` and `trigger.coupon`."""

from collections.abc import Callable, Collection
from decimal import Decimal
from typing import Any

from catalog.models import Item
from notifications.models import Coupon, Enrolment

Contexts = dict[str, Any]


class Subjects:
    """The subjects of a batch of one run's messages, by customer; nothing for campaigns that no event triggers."""

    def __init__(self, run_id: int, customer_ids: Collection[int]) -> None:
        rows = Enrolment.objects.filter(run=run_id, customer__in=customer_ids).only("customer_id", "items", "details")
        self._ways = {row.customer_id: row for row in rows}
        coupons = [row.details["coupon"] for row in self._ways.values() if "coupon" in row.details]
        self._coupons = Coupon.objects.select_related("offer").in_bulk(coupons)

    @property
    def item_ids(self) -> set[int]:
        """Every item that any of the messages is about."""
        return {line["item"] for way in self._ways.values() for line in way.items}

    def context(
        self,
        customer_id: int,
        items: dict[int, Item],
        *,
        item: Callable[[Item], Contexts],
        coupon: Callable[[Coupon], Contexts],
    ) -> Contexts:
        """What one customer's template sees; `item` and `coupon` make the context of one of them."""
        way = self._ways.get(customer_id)
        if way is None:
            return {"items": [], "coupon": None}
        lines = [
            {**item(items[line["item"]]), "quantity": line.get("quantity") or 1, "was": _money(line.get("was"))}
            for line in way.items
            if line["item"] in items
        ]
        held = self._coupons.get(way.details.get("coupon", 0))
        return {"items": lines, "coupon": coupon(held) if held else None}


def _money(number: float | None) -> Decimal | None:
    return None if number is None else Decimal(str(number))
