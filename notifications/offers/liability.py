"""What offers cost the shop: of one use, and at the worst."""

from decimal import Decimal

from django.conf import settings
from django.db.models import Max

from catalog.models import Item
from notifications.choices import OfferType
from notifications.models import Offer
from notifications.offers.calculate import Share


def cost_of(share: Share) -> Decimal:
    """What one use takes from the offer's budget: its discount, or the worth of its gift or points."""
    offer = share.offer
    if share.gifts:
        return offer.value
    if share.points:
        return share.points * settings.POINT_VALUE
    return share.discount


def worst_case_liability(offer: Offer | None, *, coupons: int) -> Decimal | None:
    """The most that `coupons` coupons of `offer` can cost, in its currency; None where nothing bounds it.

    For special prices and given items it is reckoned at the catalogue's prices of today.
    """
    if offer is None:
        return Decimal(0)
    left = None if offer.budget is None else offer.budget - offer.reserved - offer.committed
    each = _most_of_one_use(offer)
    if each is None:
        return left
    uses = coupons * offer.uses_per_coupon
    if offer.total_limit is not None:
        uses = min(uses, offer.total_limit - offer.redeemed)
    return each * uses if left is None else min(each * uses, left)


def _most_of_one_use(offer: Offer) -> Decimal | None:
    most = _uncapped(offer)
    if offer.maximum_discount is None or offer.type in (OfferType.GIFT, OfferType.POINTS):
        return most
    return offer.maximum_discount if most is None else min(most, offer.maximum_discount)


def _uncapped(offer: Offer) -> Decimal | None:
    match offer.type:
        case OfferType.FIXED_AMOUNT | OfferType.GIFT:
            most: Decimal | None = offer.value
        case OfferType.SPEND_SAVE:
            most = max([offer.value, *(Decimal(step["save"]) for step in offer.steps)])
        case OfferType.POINTS:
            most = offer.value * Decimal(settings.POINT_VALUE)
        case OfferType.LIMITED_PRICE if offer.maximum_quantity:
            most = _largest_saving(offer) * offer.maximum_quantity
        case OfferType.BUY_X_GET_Y if offer.maximum_quantity:
            most = _dearest_gift(offer) * offer.maximum_quantity * offer.value / 100
        case _:
            most = None
    return most


def _largest_saving(offer: Offer) -> Decimal:
    prices = dict(Item.objects.filter(external_id__in=offer.item_prices).values_list("external_id", "price"))
    saved = [(prices.get(item) or Decimal(0)) - Decimal(price) for item, price in offer.item_prices.items()]
    return max([Decimal(0), *saved])


def _dearest_gift(offer: Offer) -> Decimal:
    given = Item.objects.filter(external_id__in=offer.reward_items) if offer.reward_items else Item.objects.all()
    dearest: Decimal | None = given.aggregate(dearest=Max("price"))["dearest"]
    return dearest or Decimal(0)
