"""A coupon that cannot be used like this: the typed reason, and a sentence for the shopper."""

from datetime import datetime
from decimal import Decimal

from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from notifications.choices import CouponStatus, Refusal, Stacking
from notifications.models import Coupon, Offer, OfferUse, PointsAccount
from notifications.offers.calculate import unmet_condition
from notifications.offers.cart import Cart
from notifications.offers.money import format_money, minor_unit
from users.models import Customer


class Refused(Exception):  # noqa: N818 — a refusal is an answer, not an error
    """The coupon cannot be used like this. `refusal` is the typed reason, the text a sentence for the shopper."""

    def __init__(self, refusal: Refusal, message: str = "") -> None:
        super().__init__(message or str(refusal.label))
        self.refusal = refusal


def owner_of(coupon: Coupon) -> Customer:
    """The customer whose coupon it is now."""
    return coupon.customer.merged_into or coupon.customer


def check_owner(coupon: Coupon, customer_id: str) -> None:
    """`customer_id` is the shop's own id."""
    if customer_id not in (owner_of(coupon).external_id, coupon.customer.external_id):
        raise Refused(Refusal.NOT_YOURS)


def check_validity(coupon: Coupon, now: datetime) -> None:
    """Whether the coupon can be used at `now` at all."""
    if coupon.status == CouponStatus.CANCELLED:
        raise Refused(Refusal.CANCELLED)
    if now < coupon.valid_from:
        raise Refused(Refusal.NOT_YET_VALID)
    if now >= coupon.valid_until:
        raise Refused(Refusal.EXPIRED)


def check_cart(offer: Offer, cart: Cart) -> None:
    """Whether the order meets the offer's conditions."""
    if cart.currency != offer.currency:
        told = _("This coupon is for orders in %(offer)s, and the order is in %(order)s.")
        raise Refused(Refusal.CURRENCY, told % {"offer": offer.currency, "order": cart.currency})
    refusal = unmet_condition(offer, cart)
    if refusal == Refusal.MINIMUM_SPEND:
        least = format_money(offer.minimum_spend or minor_unit(offer.currency), offer.currency, get_language() or "")
        raise Refused(refusal, _("This coupon needs an order of at least %(minimum)s.") % {"minimum": least})
    if refusal == Refusal.MINIMUM_QUANTITY:
        told = ngettext(
            "This coupon needs at least %(n)d item.", "This coupon needs at least %(n)d items.", offer.minimum_quantity
        )
        raise Refused(refusal, told % {"n": offer.minimum_quantity})
    if refusal is not None:
        raise Refused(refusal)


def check_tier(offer: Offer, customer: Customer) -> None:
    """Whether the customer has the tier that the offer is for, or a higher one."""
    if offer.minimum_tier is None:
        return
    account = PointsAccount.objects.select_related("tier").filter(customer=customer).first()
    if account is None or account.tier is None or account.tier.rank < offer.minimum_tier.rank:
        told = _("This coupon is for members from the tier “%(tier)s” on.") % {"tier": offer.minimum_tier}
        raise Refused(Refusal.TIER_REQUIRED, told)


def check_stacking(offer: Offer, others: list[Offer]) -> None:
    """Whether the offer may stand beside `others` on one order: all stackable, and all of different groups."""
    for other in others:
        alone = Stacking.EXCLUSIVE in (offer.stacking, other.stacking) or offer.pk == other.pk
        if alone or (offer.stacking_group and offer.stacking_group == other.stacking_group):
            told = _("This coupon cannot be combined with “%(other)s”.") % {"other": other}
            raise Refused(Refusal.NOT_STACKABLE, told)


def check_limits(offer: Offer, customer: Customer, cost: Decimal) -> None:
    """What other orders leave of the offer, as it stands now; taking it asks again, in one statement."""
    if offer.total_limit is not None and offer.redeemed >= offer.total_limit:
        raise Refused(Refusal.OFFER_LIMIT)
    check_budget(offer, cost)
    if offer.customer_limit is not None:
        used = OfferUse.objects.filter(offer=offer, customer=customer).values_list("uses", flat=True).first() or 0
        if used >= offer.customer_limit:
            raise Refused(Refusal.CUSTOMER_LIMIT)


def check_budget(offer: Offer, cost: Decimal) -> None:
    """Whether `cost` more fits into the budget."""
    if offer.budget is not None and offer.reserved + offer.committed + cost > offer.budget:
        raise Refused(Refusal.BUDGET_EXHAUSTED)
