"""Redeeming a coupon: validate, then reserve, then commit or release. A coupon never pays twice.

Every change takes its locks in the same order: the coupon's row, its redemption, and last the offer's row, which
many checkouts share, so that it is held shortest. All steps on one coupon are serial; the budget is one conditional
UPDATE, which PostgreSQL re-evaluates on the newest row, so concurrent checkouts cannot overrun it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from notifications.choices import CouponStatus, RedemptionState, Refusal
from notifications.models import Coupon, Offer, Redemption
from notifications.offers.calculate import Cart, discount, meets_minimum
from notifications.offers.codes import InvalidCodeError, normalise_code
from notifications.offers.money import minor_unit

RESERVATION_TIME = timedelta(minutes=30)  # a checkout that takes longer reserves again


class Refused(Exception):  # noqa: N818 — a refusal is an answer, not an error
    """The coupon cannot be used like this. `refusal` is the typed reason, the text a sentence for the shopper."""

    def __init__(self, refusal: Refusal, message: str = "") -> None:
        super().__init__(message or str(refusal.label))
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Quote:
    """What a coupon would take off an order."""

    coupon: Coupon
    discount: Decimal


def validate(*, code: str, order_id: str, customer_id: str, cart: Cart) -> Quote:
    """What the coupon would take off this order now. Changes nothing; raises Refused.

    `order_id` and `customer_id` are the shop's own ids. An order that already holds the coupon may ask again.
    """
    coupon = _find_coupon(code)
    held = _live_redemption(coupon, order_id)
    amount = _price(coupon, customer_id, cart)
    if held is None and coupon.uses >= coupon.max_uses:
        raise Refused(Refusal.LIMIT_REACHED)
    offer = coupon.offer
    already = held.amount if held else Decimal(0)
    if offer.budget is not None and offer.reserved + offer.committed - already + amount > offer.budget:
        raise Refused(Refusal.BUDGET_EXHAUSTED)
    return Quote(coupon, amount)


@transaction.atomic
def reserve(*, code: str, order_id: str, customer_id: str, cart: Cart) -> Redemption:
    """Hold the discount for this order for `RESERVATION_TIME`; raises Refused.

    Repeating it for the same cart returns the same reservation; for a changed cart, or when its time is over, it is
    priced anew.
    """
    coupon = _find_coupon(code, lock=True)
    held = _live_redemption(coupon, order_id)
    if held is not None and _still_holds(held, cart):
        _check_owner(coupon, customer_id)
        return held
    amount = _price(coupon, customer_id, cart)
    if held is not None:
        _reprice(held, offer_id=coupon.offer_id, amount=amount, total=cart.total)
        return held
    taken = Coupon.objects.filter(pk=coupon.pk, uses__lt=F("max_uses")).update(uses=F("uses") + 1)
    if not taken:
        raise Refused(Refusal.LIMIT_REACHED)
    now = timezone.now()
    redemption = Redemption.objects.create(
        coupon=coupon,
        order_external_id=order_id,
        amount=amount,
        order_total=cart.total,
        currency=cart.currency,
        reserved_at=now,
        expires_at=now + RESERVATION_TIME,
    )
    _take_budget(coupon.offer_id, amount)
    return redemption


@transaction.atomic
def commit(*, code: str, order_id: str, customer_id: str) -> Redemption:
    """Make the reservation final, once the order is placed; raises Refused. Repeating it changes nothing."""
    coupon = _find_coupon(code, lock=True)
    _check_owner(coupon, customer_id)
    redemption = _live_redemption(coupon, order_id)
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
        reserved=F("reserved") - redemption.amount, committed=F("committed") + redemption.amount
    )
    return redemption


@transaction.atomic
def release(*, code: str, order_id: str, customer_id: str) -> Redemption:
    """Give the use and the money back, for an abandoned checkout or a refunded order; raises Refused.

    Repeating it changes nothing.
    """
    coupon = _find_coupon(code, lock=True)
    _check_owner(coupon, customer_id)
    redemption = _live_redemption(coupon, order_id)
    if redemption is None:
        released = coupon.redemptions.filter(order_external_id=order_id).order_by("-id").first()
        if released is None:
            raise Refused(Refusal.NOT_RESERVED)
        return released
    column = "reserved" if redemption.state == RedemptionState.RESERVED else "committed"
    redemption.state = RedemptionState.RELEASED
    redemption.released_at = timezone.now()
    redemption.save(update_fields=["state", "released_at"])
    Coupon.objects.filter(pk=coupon.pk).update(uses=F("uses") - 1)
    Coupon.objects.filter(pk=coupon.pk, status=CouponStatus.REDEEMED).update(status=CouponStatus.ISSUED)
    Offer.objects.filter(pk=coupon.offer_id).update(**{column: F(column) - redemption.amount})
    return redemption


def _find_coupon(code: str, *, lock: bool = False) -> Coupon:
    try:
        canonical = normalise_code(code)
    except InvalidCodeError as error:
        raise Refused(Refusal.NOT_FOUND) from error
    coupons = Coupon.objects.select_related("offer", "customer__merged_into").filter(code=canonical)
    coupon = (coupons.select_for_update(of=("self",)) if lock else coupons).first()
    if coupon is None:
        raise Refused(Refusal.NOT_FOUND)
    return coupon


def _live_redemption(coupon: Coupon, order_id: str) -> Redemption | None:
    return coupon.redemptions.filter(order_external_id=order_id).exclude(state=RedemptionState.RELEASED).first()


def _still_holds(redemption: Redemption, cart: Cart) -> bool:
    if redemption.state == RedemptionState.COMMITTED:
        return True
    return redemption.order_total == cart.total and redemption.expires_at > timezone.now()


def _check_owner(coupon: Coupon, customer_id: str) -> None:
    owner = coupon.customer.merged_into or coupon.customer
    if customer_id not in (owner.external_id, coupon.customer.external_id):
        raise Refused(Refusal.NOT_YOURS)


def _price(coupon: Coupon, customer_id: str, cart: Cart) -> Decimal:
    """The discount for this cart, after every check that does not depend on other orders."""
    _check_owner(coupon, customer_id)
    _check_validity(coupon, timezone.now())
    offer = coupon.offer
    if cart.currency != offer.currency:
        raise Refused(
            Refusal.CURRENCY,
            _("This coupon is for orders in %(offer)s, and the order is in %(order)s.")
            % {"offer": offer.currency, "order": cart.currency},
        )
    amount = discount(offer, cart)
    if not meets_minimum(offer, cart) or not amount:
        raise Refused(
            Refusal.MINIMUM_SPEND,
            _("This coupon needs an order of at least %(minimum)s %(currency)s.")
            % {"minimum": offer.minimum_spend or minor_unit(offer.currency), "currency": offer.currency},
        )
    return amount


def _check_validity(coupon: Coupon, now: datetime) -> None:
    if coupon.status == CouponStatus.CANCELLED:
        raise Refused(Refusal.CANCELLED)
    if now < coupon.valid_from:
        raise Refused(Refusal.NOT_YET_VALID)
    if now >= coupon.valid_until:
        raise Refused(Refusal.EXPIRED)


def _take_budget(offer_id: int, amount: Decimal) -> None:
    within_budget = Q(budget__isnull=True) | Q(budget__gte=F("reserved") + F("committed") + amount)
    if not Offer.objects.filter(within_budget, pk=offer_id).update(reserved=F("reserved") + amount):
        raise Refused(Refusal.BUDGET_EXHAUSTED)


def _reprice(redemption: Redemption, *, offer_id: int, amount: Decimal, total: Decimal) -> None:
    difference = amount - redemption.amount
    redemption.amount, redemption.order_total = amount, total
    redemption.expires_at = timezone.now() + RESERVATION_TIME
    redemption.save(update_fields=["amount", "order_total", "expires_at"])
    _take_budget(offer_id, difference)
