"""What an offer gives, as a redemption keeps it."""

from datetime import datetime
from decimal import Decimal

from notifications.models import Redemption
from notifications.offers.calculate import Share
from notifications.offers.cart import Cart, line_amounts
from notifications.offers.liability import cost_of


def record_share(redemption: Redemption, share: Share, *, cart: Cart, expires_at: datetime) -> None:
    """Set what the redemption says of the order and its discount, without saving it."""
    redemption.expires_at = expires_at
    redemption.amount = share.discount
    redemption.shipping_discount = share.shipping
    redemption.cost = cost_of(share)
    redemption.points = share.points
    redemption.gifts = [{"item_id": item_id, "quantity": quantity} for item_id, quantity in share.gifts]
    redemption.order_total = cart.total
    redemption.cart_hash = cart.fingerprint
    redemption.lines = [
        {
            "item_id": line.item_id,
            "quantity": line.quantity,
            "amount": _text(amount),
            "discount": _text(discount),
            "returned": 0,
        }
        for line, amount, discount in zip(cart.lines, line_amounts(cart), share.lines, strict=False)
    ]


def _text(amount: Decimal) -> str:
    return f"{amount:f}"
