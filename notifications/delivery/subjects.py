"""What a triggered message is about, for its template: `trigger.items` and `trigger.coupon`."""

from collections.abc import Collection
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from notifications.models import Coupon, Enrolment, Offer

if TYPE_CHECKING:
    from notifications.delivery.context import Addressee


class Line(NamedTuple):
    """One item that a message is about; `was` is its price before it dropped."""

    item_id: int
    quantity: int
    was: Decimal | None


class Subjects:
    """The subjects of a batch of one run's messages, by customer; nothing in campaigns that no event triggers."""

    def __init__(self, run_id: int, customer_ids: Collection[int]) -> None:
        rows = Enrolment.objects.filter(run=run_id, customer__in=customer_ids).only("customer_id", "items", "details")
        self._ways = {row.customer_id: row for row in rows} if customer_ids else {}
        coupons = [way.details["coupon"] for way in self._ways.values() if "coupon" in way.details]
        self._coupons = Coupon.objects.select_related("offer").in_bulk(coupons)

    @property
    def item_ids(self) -> set[int]:
        """Every item that any of the messages is about."""
        return {line.item_id for customer_id in self._ways for line in self.lines(customer_id)}

    @property
    def offers(self) -> dict[int, Offer]:
        """The offers of the coupons that the messages are about."""
        return {coupon.offer_id: coupon.offer for coupon in self._coupons.values()}

    def lines(self, customer_id: int) -> list[Line]:
        """The items that a customer's message is about."""
        way = self._ways.get(customer_id)
        return [
            Line(line["item"], line.get("quantity") or 1, Decimal(str(line["was"])) if "was" in line else None)
            for line in (way.items if way else [])
        ]

    def holder(self, addressee: "Addressee") -> "Addressee | None":
        """The addressee with the coupon that the message is about in place of the run's own; None without any."""
        way = self._ways.get(addressee.customer_id)
        coupon = self._coupons.get(way.details.get("coupon", 0)) if way else None
        if coupon is None:
            return None
        return replace(addressee, coupon_code=coupon.code, coupon_until=coupon.valid_until, offer_id=coupon.offer_id)
