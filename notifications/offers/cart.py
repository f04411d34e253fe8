"""What is about to be bought, and how its money is divided over its lines."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from hashlib import blake2b
from typing import Self

from notifications.offers.money import floor_money, minor_unit


@dataclass(frozen=True, slots=True)
class CartLine:
    """One item in the cart; `price` is per unit, `item_id` the shop's own id. `scope.describe_lines` adds the rest."""

    item_id: str
    quantity: int
    price: Decimal
    brand: str = ""
    categories: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Cart:
    """What is about to be bought, before any discount of ours. `total` is that of the goods, without `shipping`."""

    total: Decimal
    currency: str
    lines: tuple[CartLine, ...] = ()
    shipping: Decimal = Decimal(0)

    @classmethod
    def of_lines(cls, *, lines: Iterable[CartLine], currency: str, shipping: Decimal = Decimal(0)) -> Self:
        """The cart whose total is the sum of its lines."""
        kept = tuple(lines)
        return cls(sum((line.price * line.quantity for line in kept), Decimal(0)), currency, kept, shipping)

    @property
    def fingerprint(self) -> str:
        """A hash of what the price depends on; the order of the lines does not count."""
        lines = sorted((line.item_id, line.quantity, f"{line.price.normalize():f}") for line in self.lines)
        said = (f"{self.total.normalize():f}", f"{self.shipping.normalize():f}", self.currency, lines)
        return blake2b(repr(said).encode(), digest_size=16).hexdigest()


def line_amounts(cart: Cart) -> list[Decimal]:
    """What each line is worth in coins that exist, and last what the total has above the lines.

    A total below the sum of the lines, because the shop has taken something off itself, is spread over them.
    """
    total = floor_money(cart.total, cart.currency)
    worth = [line.price * line.quantity for line in cart.lines]
    of_lines = min(total, floor_money(sum(worth, Decimal(0)), cart.currency))
    return [*allocate(of_lines, worth, cart.currency), total - of_lines]


def allocate(
    amount: Decimal, weights: Sequence[Decimal], currency: str, caps: Sequence[Decimal] | None = None
) -> list[Decimal]:
    """`amount` divided in proportion to `weights`, in coins that exist, so that the parts sum to it exactly.

    Everybody gets their share rounded down, and the coins that are left go to the largest remainders (the method of
    Hamilton), the earlier of two equal ones first; no part exceeds its cap. The caps must sum to `amount` or more.
    """
    whole = sum(weights, Decimal(0))
    if not whole or not amount:
        return [Decimal(0)] * len(weights)
    coin = minor_unit(currency)
    limits = [amount] * len(weights) if caps is None else caps
    shares = [amount * weight / whole for weight in weights]
    parts = [min(floor_money(share, currency), limit) for share, limit in zip(shares, limits, strict=True)]
    left = amount - sum(parts, Decimal(0))
    order = sorted(range(len(parts)), key=lambda place: (parts[place] - shares[place], place))
    for step in (coin, left):
        for place in order:
            more = min(step, left, limits[place] - parts[place])
            parts[place] += more
            left -= more
    return parts
