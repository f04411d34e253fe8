"""What an offer does to some carts, worked out for whoever writes it."""

from dataclasses import dataclass
from decimal import Decimal

from catalog.models import Item
from notifications.choices import OfferType
from notifications.models import Offer
from notifications.offers.calculate import Share, price_cart
from notifications.offers.cart import Cart, CartLine
from notifications.offers.money import minor_unit, round_money

_USUAL = 120  # in units of most currencies


@dataclass(frozen=True, slots=True)
class Example:
    """One cart, and what the offer gives on it."""

    cart: Cart
    share: Share

    @property
    def pays(self) -> Decimal:
        return self.cart.total + self.cart.shipping - self.share.discount


def worked_examples(offer: Offer) -> list[Example]:
    """Some carts from small to large: below and at each threshold, and a usual one. Prices are of the catalogue."""
    if offer.type == OfferType.LIMITED_PRICE:
        carts = [_cart_of_items(offer)]
    elif offer.type == OfferType.BUY_X_GET_Y:
        carts = [_cart_with_gifts(offer)]
    else:
        carts = [_cart(offer, total) for total in _totals(offer)]
    return [Example(cart, price_cart(cart, [offer])[0]) for cart in carts]


def _scale(currency: str) -> Decimal:
    """What a unit of most currencies is about: 100 where there are no smaller coins."""
    return Decimal(100) if minor_unit(currency) == 1 else Decimal(1)


def _totals(offer: Offer) -> list[Decimal]:
    coin = minor_unit(offer.currency)
    usual = _USUAL * _scale(offer.currency)
    steps = [Decimal(step["spend"]) for step in offer.steps]
    below = [offer.minimum_spend - coin] if offer.minimum_spend > coin else []
    reached = [offer.minimum_spend] if offer.minimum_spend else []
    return sorted({round_money(total, offer.currency) for total in (*below, *reached, *steps, usual)})


def _covered_line(offer: Offer, quantity: int, price: Decimal) -> CartLine:
    """A line that the offer is about."""
    side = offer.scope.get("include") or {}
    return CartLine(
        item_id=next(iter(side.get("items", ())), "—"),
        quantity=quantity,
        price=price,
        brand=next(iter(side.get("brands", ())), ""),
        categories=frozenset(side.get("categories", ())[:1]),
    )


def _cart(offer: Offer, total: Decimal) -> Cart:
    quantity = max(offer.minimum_quantity, 1)
    line = _covered_line(offer, quantity, total / quantity)
    shipping = Decimal("4.90") * _scale(offer.currency) if offer.type == OfferType.FREE_SHIPPING else Decimal(0)
    return Cart(total, offer.currency, (line,), shipping)


def _cart_of_items(offer: Offer) -> Cart:
    """Each of the first named items, as often as it takes to meet the conditions."""
    named = list(offer.item_prices)[:3]
    prices = _catalogue_prices(named)
    dearer = {item: max(prices.get(item) or Decimal(0), Decimal(offer.item_prices[item])) for item in named}
    worth = sum(dearer.values(), Decimal(0)) or Decimal(1)
    needed = max(-(-offer.minimum_spend // worth), Decimal(-(-offer.minimum_quantity // len(named))), Decimal(1))
    lines = [CartLine(item, int(needed), price) for item, price in dearer.items()]
    return Cart.of_lines(lines=lines, currency=offer.currency)


def _cart_with_gifts(offer: Offer) -> Cart:
    """What must be bought, at 20 a piece, and what is given, at its price in the catalogue."""
    buy, get = offer.buy_quantity or 1, offer.get_quantity or 1
    price = 20 * _scale(offer.currency)
    units = max(buy, offer.minimum_quantity, int(-(-offer.minimum_spend // price)))
    if not offer.reward_items:
        return Cart.of_lines(lines=[_covered_line(offer, units + get, price)], currency=offer.currency)
    given = offer.reward_items[0]
    lines = [_covered_line(offer, units, price), CartLine(given, get, _catalogue_prices([given]).get(given) or price)]
    return Cart.of_lines(lines=lines, currency=offer.currency)


def _catalogue_prices(item_ids: list[str]) -> dict[str, Decimal | None]:
    return dict(Item.objects.filter(external_id__in=item_ids).values_list("external_id", "price"))
