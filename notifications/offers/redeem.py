"""Redeeming a coupon: validate, then reserve; `settle` commits, releases and takes back. A coupon never pays twice.

Every change takes its locks in the same order: the order's id, its coupons by id, their redemptions, the offers by id,
and last the customer's uses. A coupon is taken by one statement, which moves the coupon, the offer's budget and limit,
and the customer's uses together, each only where it is still free; PostgreSQL asks again on the newest row, so
concurrent checkouts cannot overrun them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.db import connection, transaction
from django.utils import timezone

from notifications.choices import RedemptionState, Refusal
from notifications.models import Coupon, Offer, Redemption
from notifications.offers.calculate import Share, gives_something, price_cart
from notifications.offers.cart import Cart
from notifications.offers.codes import InvalidCodeError, canonical_code
from notifications.offers.liability import cost_of
from notifications.offers.record import record_share
from notifications.offers.refusals import (
    Refused,
    check_budget,
    check_cart,
    check_limits,
    check_owner,
    check_stacking,
    check_tier,
    check_validity,
    owner_of,
)
from notifications.offers.scope import describe_lines
from notifications.offers.take import change_reserved, take_coupon

RESERVATION_TIME = timedelta(minutes=30)  # a checkout that takes longer reserves again


@dataclass(frozen=True, slots=True)
class Quote:
    """What a coupon would give on an order; `together` is what all coupons of the order would give, by code."""

    coupon: Coupon
    share: Share
    together: dict[str, Share]

    @property
    def discount(self) -> Decimal:
        return self.share.discount


def validate(*, code: str, order_id: str, customer_id: str, cart: Cart, other_codes: Sequence[str] = ()) -> Quote:
    """What the coupon would take off this order now. Changes nothing; raises Refused.

    `order_id` and `customer_id` are the shop's own ids. An order that already holds the coupon may ask again. It is
    priced together with the coupons that the order holds, and with `other_codes`, which are on the cart, too.
    """
    coupon = find_coupon(code)
    held = live_redemption(coupon, order_id)
    beside = {found.coupon_id: found.coupon for found in _beside(coupon, order_id)}
    beside |= {found.pk: found for found in map(find_coupon, other_codes) if found.pk != coupon.pk}
    together = _price(coupon, list(beside.values()), customer_id, describe_lines(cart))
    share = together[coupon.code]
    if held is None:
        if coupon.uses >= coupon.max_uses:
            raise Refused(Refusal.LIMIT_REACHED)
        check_limits(coupon.offer, owner_of(coupon), cost_of(share))
    elif held.state == RedemptionState.RESERVED:
        check_budget(coupon.offer, cost_of(share) - held.cost)
    return Quote(coupon, share, together)


@transaction.atomic
def reserve(*, code: str, order_id: str, customer_id: str, cart: Cart) -> Redemption:
    """Hold the discount for this order for `RESERVATION_TIME`; raises Refused.

    Repeating it for the same cart returns the same reservation; for a changed cart, or when its time is over, it is
    priced anew, and so are the order's other reservations.
    """
    coupon, beside = _lock_order(find_coupon(code), order_id)
    held = live_redemption(coupon, order_id)
    if held is not None and _still_holds(held, cart):
        check_owner(coupon, customer_id)
        return held
    described = describe_lines(cart)
    shares = _price(coupon, [other.coupon for other in beside], customer_id, described)
    if beside:
        list(Offer.objects.select_for_update().filter(pk__in=_offers(coupon, beside)).order_by("pk"))
    now = timezone.now()
    until = now + RESERVATION_TIME
    if held is None:
        held = Redemption(coupon=coupon, order_external_id=order_id, currency=cart.currency, reserved_at=now)
        record_share(held, shares[coupon.code], cart=described, expires_at=until)
        take_coupon(held, owner=owner_of(coupon))
    else:
        beside = [held, *beside]
    for other in beside:
        if other.state == RedemptionState.RESERVED:
            before = other.cost
            record_share(other, shares[other.coupon.code], cart=described, expires_at=until)
            other.save()
            change_reserved(other, by=other.cost - before)
    return held


def find_coupon(code: str) -> Coupon:
    """The coupon with this code, as somebody typed it. Raises Refused."""
    try:
        canonical = canonical_code(code)
    except InvalidCodeError as error:
        raise Refused(Refusal.NOT_FOUND) from error
    related = ("offer__minimum_tier", "customer__merged_into")
    coupon = Coupon.objects.select_related(*related).filter(code=canonical).first()
    if coupon is None:
        raise Refused(Refusal.NOT_FOUND)
    return coupon


def live_redemption(coupon: Coupon, order_id: str) -> Redemption | None:
    """The coupon's reservation or use on this order."""
    return coupon.redemptions.filter(order_external_id=order_id).exclude(state=RedemptionState.RELEASED).first()


def redemptions_of(order_id: str) -> list[Redemption]:
    """Reservations and uses of all coupons on this order, with their offers."""
    found = Redemption.objects.filter(order_external_id=order_id).exclude(state=RedemptionState.RELEASED)
    return list(found.select_related("coupon__offer").order_by("coupon_id"))


def _beside(coupon: Coupon, order_id: str) -> list[Redemption]:
    return [found for found in redemptions_of(order_id) if found.coupon_id != coupon.pk]


def _lock_order(coupon: Coupon, order_id: str) -> tuple[Coupon, list[Redemption]]:
    """The coupon, and the other redemptions of the order, all as they stand once nobody else can change them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [order_id])
    wanted = {coupon.pk, *(found.coupon_id for found in _beside(coupon, order_id))}
    related = Coupon.objects.select_related("offer__minimum_tier", "customer__merged_into")
    locked = {found.pk: found for found in related.select_for_update(of=("self",)).filter(pk__in=wanted).order_by("pk")}
    return locked[coupon.pk], _beside(coupon, order_id)


def _offers(coupon: Coupon, beside: list[Redemption]) -> set[int]:
    return {coupon.offer_id, *(other.coupon.offer_id for other in beside)}


def _still_holds(redemption: Redemption, cart: Cart) -> bool:
    if redemption.state == RedemptionState.COMMITTED:
        return True
    return redemption.cart_hash == cart.fingerprint and redemption.expires_at > timezone.now()


def _price(coupon: Coupon, beside: list[Coupon], customer_id: str, cart: Cart) -> dict[str, Share]:
    """What each coupon of the order gives, by code, after every check that does not depend on other orders."""
    check_owner(coupon, customer_id)
    check_validity(coupon, timezone.now())
    check_cart(coupon.offer, cart)
    check_tier(coupon.offer, owner_of(coupon))
    check_stacking(coupon.offer, [other.offer for other in beside])
    codes = {found.offer_id: found.code for found in (coupon, *beside)}
    shares = price_cart(cart, [coupon.offer, *(other.offer for other in beside)])
    together = {codes[share.offer.pk]: share for share in shares}
    if not gives_something(together[coupon.code]):
        raise Refused(Refusal.NOTHING_TO_DISCOUNT)
    return together
