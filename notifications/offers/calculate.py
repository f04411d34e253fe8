"""What an offer takes off a cart, exact to the minor unit."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

from notifications.choices import OfferType
from notifications.models import Offer
from notifications.offers.money import floor_money, round_money


@dataclass(frozen=True, slots=True)
class CartLine:
    """One item in the cart; `price` is per unit, `item_id` the shop's own id."""

    item_id: str
    quantity: int
    price: Decimal


@dataclass(frozen=True, slots=True)
class Cart:
    """What is about to be bought, before any discount of ours."""

    total: Decimal
    currency: str
    lines: tuple[CartLine, ...] = ()

    @classmethod
    def of_lines(cls, *, lines: Iterable[CartLine], currency: str) -> Self:
        """The cart whose total is the sum of its lines."""
        kept = tuple(lines)
        return cls(sum((line.price * line.quantity for line in kept), Decimal(0)), currency, kept)


def meets_minimum(offer: Offer, cart: Cart) -> bool:
    """Whether the cart reaches the offer's minimum spend."""
    return cart.total >= offer.minimum_spend


def discount(offer: Offer, cart: Cart) -> Decimal:
    """What `offer` takes off `cart`, in the cart's currency; 0 when the minimum spend is not reached.

    Never negative, never above the total nor `maximum_discount`; rounded to the currency's minor unit, halves up.
    Raises ValueError when the cart is in another currency than the offer.
    """
    if cart.currency != offer.currency:
        raise ValueError(f"The offer is in {offer.currency} and the cart in {cart.currency}.")
    if cart.total <= 0 or not meets_minimum(offer, cart):
        return Decimal(0)
    wanted = cart.total * offer.value / 100 if offer.type == OfferType.PERCENT else offer.value
    ceiling = cart.total if offer.maximum_discount is None else min(cart.total, offer.maximum_discount)
    return min(round_money(wanted, cart.currency), floor_money(ceiling, cart.currency))
