"""What becomes of a reservation: committed with the order, released with the checkout, taken back with the goods."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from notifications.choices import CouponStatus, PointsKind, RedemptionState, Refusal
from notifications.membership.ledger import credit_points, reverse_points
from notifications.models import Coupon, Offer, Redemption
from notifications.offers.money import round_money
from notifications.offers.redeem import find_coupon, live_redemption
from notifications.offers.refusals import Refused, check_owner, owner_of
from notifications.offers.take import give_back


@dataclass(frozen=True, slots=True)
class Returned:
    """Goods that came back: what they cost, the part of the discount that goes with them, and what is paid out."""

    redemption: Redemption
    goods: Decimal
    discount: Decimal

    @property
    def refund(self) -> Decimal:
        return self.goods - self.discount


@transaction.atomic
def commit(*, code: str, order_id: str, customer_id: str) -> Redemption:
    """Make the reservation final, once the order is placed; raises Refused. Repeating it changes nothing."""
    coupon = _lock_coupon(code, customer_id)
    redemption = live_redemption(coupon, order_id)
    if redemption is None:
        raise Refused(Refusal.NOT_RESERVED)
    if redemption.state == RedemptionState.COMMITTED:
        return redemption
    redemption.state = RedemptionState.COMMITTED
    redemption.committed_at = timezone.now()
    redemption.save(update_fields=["state", "committed_at"])
    if coupon.redemptions.filter(state=RedemptionState.COMMITTED).count() >= coupon.max_uses:
        Coupon.objects.filter(pk=coupon.pk, status=CouponStatus.ISSUED).update(status=CouponStatus.REDEEMED)
    Offer.objects.filter(pk=coupon.offer_id).update(
        reserved=F("reserved") - redemption.cost, committed=F("committed") + redemption.cost
    )
    if redemption.points:
        credit_points(
            customer_id=owner_of(coupon).pk,
            points=redemption.points,
            kind=PointsKind.EARNED,
            source=_source(redemption),
            note=coupon.offer.name,
        )
    return redemption


@transaction.atomic
def release(*, code: str, order_id: str, customer_id: str) -> Redemption:
    """Give the use and the money back, for an abandoned checkout or a refunded order; raises Refused.

    Repeating it changes nothing.
    """
    coupon = _lock_coupon(code, customer_id)
    redemption = live_redemption(coupon, order_id)
    if redemption is None:
        released = coupon.redemptions.filter(order_external_id=order_id).order_by("-id").first()
        if released is None:
            raise Refused(Refusal.NOT_RESERVED)
        return released
    _release(redemption, coupon)
    return redemption


@transaction.atomic
def take_back(
    *,
    code: str,
    order_id: str,
    customer_id: str,
    lines: Sequence[tuple[str, int]] = (),
    amount: Decimal | None = None,
) -> Returned:
    """Goods of a committed order come back: their part of the discount goes, and the budget gets it; raises Refused.

    `lines` are (item id, quantity). An order that was sent without lines names the `amount` of the goods before the
    discount. The parts are rounded so that those of all returns sum to the whole discount exactly. When everything
    has come back, the coupon can be used again. It is no repetition to call it twice: it returns twice as much.
    """
    coupon = _lock_coupon(code, customer_id)
    redemption = live_redemption(coupon, order_id)
    if redemption is None or redemption.state != RedemptionState.COMMITTED:
        raise Refused(Refusal.NOT_COMMITTED)
    goods, discount = _return_lines(redemption, lines) if lines else _return_amount(redemption, amount)
    redemption.returned_total += goods
    if _is_everything(redemption):
        rest = redemption.amount
        _release(redemption, coupon)
        redemption.save(update_fields=["returned_total", "lines"])
        return Returned(redemption, goods, rest - redemption.shipping_discount)
    redemption.amount -= discount
    redemption.cost -= min(discount, redemption.cost)
    redemption.returned += discount
    redemption.save(update_fields=["amount", "cost", "returned", "returned_total", "lines"])
    Offer.objects.filter(pk=coupon.offer_id).update(committed=F("committed") - discount)
    return Returned(redemption, goods, discount)


def _lock_coupon(code: str, customer_id: str) -> Coupon:
    coupon = find_coupon(code)
    list(Coupon.objects.select_for_update().filter(pk=coupon.pk))
    check_owner(coupon, customer_id)
    return coupon


def _source(redemption: Redemption) -> str:
    return f"redemption:{redemption.pk}"


def _release(redemption: Redemption, coupon: Coupon) -> None:
    committed = redemption.state == RedemptionState.COMMITTED
    redemption.state = RedemptionState.RELEASED
    redemption.released_at = timezone.now()
    redemption.save(update_fields=["state", "released_at"])
    redemption.coupon = coupon
    give_back(redemption, column="committed" if committed else "reserved", owner=owner_of(coupon))
    if committed and redemption.points:
        reverse_points(source=_source(redemption))


def _return_lines(redemption: Redemption, lines: Sequence[tuple[str, int]]) -> tuple[Decimal, Decimal]:
    """Mark the lines as returned; what they cost, and their part of the discount."""
    goods = discount = Decimal(0)
    for item_id, quantity in lines:
        left = quantity
        for line in redemption.lines:
            units = min(left, line["quantity"] - line["returned"]) if line["item_id"] == item_id else 0
            if units:
                goods += _part(redemption, line, "amount", units)
                discount += _part(redemption, line, "discount", units)
                line["returned"] += units
                left -= units
        if left:
            raise Refused(Refusal.RETURN_TOO_LARGE)
    return goods, discount


def _part(redemption: Redemption, line: dict[str, Any], key: str, units: int) -> Decimal:
    """What `units` more returned ones add to the rounded sum of those returned."""

    def up_to(returned: int) -> Decimal:
        return round_money(Decimal(line[key]) * returned / line["quantity"], redemption.currency)

    return up_to(line["returned"] + units) - up_to(line["returned"])


def _return_amount(redemption: Redemption, amount: Decimal | None) -> tuple[Decimal, Decimal]:
    """The part of the discount that belongs to goods of this amount."""
    if redemption.lines or not amount:
        raise Refused(Refusal.LINES_NEEDED)
    if redemption.returned_total + amount > redemption.order_total:
        raise Refused(Refusal.RETURN_TOO_LARGE)
    whole = redemption.amount + redemption.returned - redemption.shipping_discount

    def up_to(returned: Decimal) -> Decimal:
        return round_money(whole * returned / redemption.order_total, redemption.currency)

    return amount, up_to(redemption.returned_total + amount) - up_to(redemption.returned_total)


def _is_everything(redemption: Redemption) -> bool:
    if redemption.lines:
        return all(line["returned"] == line["quantity"] for line in redemption.lines)
    return redemption.returned_total >= redemption.order_total
