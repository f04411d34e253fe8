"""What offers take off a cart, exact to the minor unit.

Several offers are applied in `choices.APPLICATION_ORDER`, each to what those before it left of each line. Whether an
offer applies at all (scope, minimum spend and quantity, steps) is judged by the cart as it came. Each discount is
rounded once, halves up, and then divided over the lines so that its parts sum to it exactly.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from notifications.choices import APPLICATION_ORDER, OfferType, Refusal
from notifications.models import Offer
from notifications.offers.cart import Cart, CartLine, allocate, line_amounts
from notifications.offers.money import floor_money, round_money
from notifications.offers.scope import covers, is_limited

_BY_LINES = frozenset({OfferType.LIMITED_PRICE, OfferType.BUY_X_GET_Y})


@dataclass(frozen=True, slots=True)
class Share:
    """What one offer gives: `discount` is `shipping` and the sum of `lines`, which stand as in the cart.

    The last of `lines` is that part which belongs to no line, because the order was sent with its total only.
    """

    offer: Offer
    discount: Decimal
    lines: tuple[Decimal, ...]
    shipping: Decimal = Decimal(0)
    gifts: tuple[tuple[str, int], ...] = ()
    points: int = 0


@dataclass(slots=True)
class _Part:
    """A line, or what the total has above the lines (`line` is None), with what is still to be paid for it."""

    place: int
    line: CartLine | None
    amount: Decimal
    left: Decimal = field(init=False)

    def __post_init__(self) -> None:
        self.left = self.amount

    @property
    def quantity(self) -> int:
        return self.line.quantity if self.line else 0

    @property
    def unit(self) -> Decimal:
        """What is still to be paid for one unit."""
        return self.left / self.quantity if self.quantity else Decimal(0)


def discount(offer: Offer, cart: Cart) -> Decimal:
    """What `offer` alone takes off `cart`, in the cart's currency; 0 where it does not apply.

    Never negative, never above the total with shipping nor `maximum_discount`; rounded to the currency's minor unit,
    halves up. Raises ValueError when the cart is in another currency than the offer.
    """
    (share,) = price_cart(cart, [offer])
    return share.discount


def price_cart(cart: Cart, offers: Iterable[Offer]) -> list[Share]:
    """What each of `offers` gives when all of them are on the cart, in the order in which they are applied.

    Raises ValueError when one of them is in another currency than the cart.
    """
    parts = _parts(cart)
    shipping = floor_money(cart.shipping, cart.currency)
    shares = []
    for offer in sorted(offers, key=lambda offer: (APPLICATION_ORDER.index(offer.type), offer.pk or 0)):
        if offer.currency != cart.currency:
            raise ValueError(f"The offer is in {offer.currency} and the cart in {cart.currency}.")
        share = _apply(offer, cart, parts, shipping)
        shipping -= share.shipping
        shares.append(share)
    return shares


def unmet_condition(offer: Offer, cart: Cart) -> Refusal | None:
    """Which of the offer's conditions the cart does not meet; None when it meets all."""
    parts = _covered(offer, _parts(cart))
    by_lines = offer.type in _BY_LINES or is_limited(offer) or offer.minimum_quantity
    if by_lines and not cart.lines:
        return Refusal.LINES_NEEDED
    if is_limited(offer) and not parts:
        return Refusal.OUT_OF_SCOPE
    if sum(part.quantity for part in parts) < offer.minimum_quantity:
        return Refusal.MINIMUM_QUANTITY
    spend = sum((part.amount for part in parts), Decimal(0))
    return Refusal.MINIMUM_SPEND if not spend or spend < offer.minimum_spend else None


def _parts(cart: Cart) -> list[_Part]:
    """The parts in an order that does not depend on that of the lines."""
    *amounts, rest = line_amounts(cart)
    ordered = sorted(enumerate(cart.lines), key=lambda pair: (pair[1].item_id, pair[1].price, pair[1].quantity))
    return [*(_Part(place, line, amounts[place]) for place, line in ordered), _Part(len(ordered), None, rest)]


def _covered(offer: Offer, parts: Sequence[_Part]) -> list[_Part]:
    """Those that the offer is about; what belongs to no line only where it is about everything."""
    if not is_limited(offer):
        return list(parts)
    return [part for part in parts if part.line and covers(offer.scope, part.line)]


def _apply(offer: Offer, cart: Cart, parts: list[_Part], shipping: Decimal) -> Share:
    """Take the offer off the parts; what it gives."""
    nothing = Share(offer, Decimal(0), (Decimal(0),) * len(parts))
    if unmet_condition(offer, cart) is not None:
        return nothing
    if offer.type == OfferType.GIFT:
        gifts = tuple((item_id, offer.get_quantity or 1) for item_id in offer.reward_items)
        return Share(offer, Decimal(0), nothing.lines, gifts=gifts)
    if offer.type == OfferType.POINTS:
        return Share(offer, Decimal(0), nothing.lines, points=int(offer.value))
    if offer.type == OfferType.FREE_SHIPPING:
        off = _capped(offer, shipping, cart.currency)
        return Share(offer, off, nothing.lines, shipping=off)
    wanted = _WANTED[OfferType(offer.type)](offer, parts)
    caps = [part.left if want else Decimal(0) for part, want in zip(parts, wanted, strict=True)]
    exact = min(sum(wanted, Decimal(0)), sum(caps, Decimal(0)))
    off = min(_capped(offer, exact, cart.currency), sum(caps, Decimal(0)))
    given = [Decimal(0)] * len(parts)
    for part, amount in zip(parts, allocate(off, wanted, cart.currency, caps), strict=True):
        part.left -= amount
        given[part.place] = amount
    return Share(offer, off, tuple(given))


def _capped(offer: Offer, amount: Decimal, currency: str) -> Decimal:
    rounded = round_money(amount, currency)
    return rounded if offer.maximum_discount is None else min(rounded, floor_money(offer.maximum_discount, currency))


def _percent(offer: Offer, parts: list[_Part]) -> list[Decimal]:
    covered = {part.place for part in _covered(offer, parts)}
    return [part.left * offer.value / 100 if part.place in covered else Decimal(0) for part in parts]


def _amount(offer: Offer, parts: list[_Part]) -> list[Decimal]:
    """A fixed amount, or that of the highest step which the covered parts reach, in proportion to what is left."""
    covered = _covered(offer, parts)
    spend = sum((part.amount for part in covered), Decimal(0))
    reached = [Decimal(step["save"]) for step in offer.steps if spend >= Decimal(step["spend"])]
    left = sum((part.left for part in covered), Decimal(0))
    off = min(max([offer.value, *reached]), left)
    places = {part.place for part in covered}
    return [off * part.left / left if left and part.place in places else Decimal(0) for part in parts]


def _special_prices(offer: Offer, parts: list[_Part]) -> list[Decimal]:
    """For each unit of the named items what it costs above its special price, the largest savings first."""
    saved: dict[int, Decimal] = {}
    for part in _covered(offer, parts):
        price = offer.item_prices.get(part.line.item_id) if part.line else None
        if price is not None and part.unit > Decimal(price):
            saved[part.place] = part.unit - Decimal(price)
    ordered = sorted((part for part in parts if part.place in saved), key=lambda part: -saved[part.place])
    units = _take(ordered, offer.maximum_quantity)
    return [saved[part.place] * units[part.place] if units.get(part.place) else Decimal(0) for part in parts]


def _buy_and_get(offer: Offer, parts: list[_Part]) -> list[Decimal]:
    """`value` percent off the got units: the cheapest of the covered ones, or of the given items."""
    buy, get = offer.buy_quantity or 1, offer.get_quantity or 1
    covered = [part for part in _covered(offer, parts) if part.line]
    if offer.reward_items:
        given = [part for part in parts if part.line and part.line.item_id in offer.reward_items]
        bought = sum(part.quantity for part in covered if part.line and part.line.item_id not in offer.reward_items)
        count = bought // buy * get
    else:
        given = covered
        units = sum(part.quantity for part in covered)
        count = units // (buy + get) * get
    if offer.maximum_quantity is not None:
        count = min(count, offer.maximum_quantity)
    got = _take(sorted(given, key=lambda part: part.unit), count)
    return [part.unit * got.get(part.place, 0) * offer.value / 100 for part in parts]


def _take(parts: Iterable[_Part], count: int | None) -> dict[int, int]:
    """How many units of each part are among the first `count`; all of them where that is None."""
    taken = {}
    for part in parts:
        taken[part.place] = part.quantity if count is None else min(part.quantity, count)
        count = None if count is None else count - taken[part.place]
    return taken


_WANTED: dict[OfferType, Callable[[Offer, list[_Part]], list[Decimal]]] = {
    OfferType.PERCENT: _percent,
    OfferType.FIXED_AMOUNT: _amount,
    OfferType.SPEND_SAVE: _amount,
    OfferType.LIMITED_PRICE: _special_prices,
    OfferType.BUY_X_GET_Y: _buy_and_get,
}


def gives_something(share: Share) -> bool:
    """Whether the offer has any effect on the order."""
    return bool(share.discount or share.gifts or share.points)
