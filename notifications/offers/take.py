"""Taking a coupon, and giving it back: the coupon, its offer's books and its customer's uses move together."""

from decimal import Decimal

import orjson
from django.db import connection
from django.db.models import F, Q

from notifications.choices import CouponStatus, RedemptionState, Refusal
from notifications.models import Coupon, Offer, OfferUse, Redemption
from notifications.offers.refusals import Refused
from users.models import Customer

# Each part happens only where the one before did, and only where it is still free. Where one does not, the caller's
# transaction takes back those before it.
_TAKE = f"""
WITH taken AS (
    UPDATE notifications_coupon SET uses = uses + 1
    WHERE id = %(coupon_id)s AND uses < max_uses AND status = '{CouponStatus.ISSUED}' RETURNING offer_id
), paid AS (
    UPDATE notifications_offer AS offer SET reserved = offer.reserved + %(cost)s, redeemed = offer.redeemed + 1
    FROM taken
    WHERE offer.id = taken.offer_id
      AND (offer.budget IS NULL OR offer.budget >= offer.reserved + offer.committed + %(cost)s)
      AND (offer.total_limit IS NULL OR offer.redeemed < offer.total_limit)
    RETURNING offer.id, offer.customer_limit
), counted AS (
    INSERT INTO notifications_offeruse AS known (offer_id, customer_id, uses)
    SELECT paid.id, %(customer_id)s, 1 FROM paid
    ON CONFLICT (offer_id, customer_id) DO UPDATE SET uses = known.uses + 1
    WHERE known.uses < coalesce((SELECT customer_limit FROM paid), known.uses + 1)
    RETURNING 1
), kept AS (
    INSERT INTO notifications_redemption (
        coupon_id, order_external_id, state, amount, shipping_discount, returned, cost, points, gifts, lines,
        order_total, returned_total, cart_hash, currency, reserved_at, expires_at
    )
    SELECT %(coupon_id)s, %(order_external_id)s, '{RedemptionState.RESERVED}', %(amount)s, %(shipping_discount)s, 0,
        %(cost)s, %(points)s, %(gifts)s, %(lines)s, %(order_total)s, 0, %(cart_hash)s, %(currency)s, %(reserved_at)s,
        %(expires_at)s
    FROM counted RETURNING id
)
SELECT (SELECT count(*) FROM taken), (SELECT count(*) FROM paid), (SELECT id FROM kept)
"""
_COLUMNS = (
    *("coupon_id", "order_external_id", "amount", "shipping_discount", "cost", "points", "order_total", "cart_hash"),
    *("currency", "reserved_at", "expires_at"),
)


def take_coupon(redemption: Redemption, *, owner: Customer) -> None:
    """Store a new reservation, if coupon, limits and budget allow it; raises Refused, and the caller rolls back."""
    values = {name: getattr(redemption, name) for name in _COLUMNS}
    values |= {name: orjson.dumps(getattr(redemption, name)).decode() for name in ("gifts", "lines")}
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, {**values, "customer_id": owner.pk})
        taken, paid, redemption.pk = cursor.fetchone()
    if not taken:
        raise Refused(Refusal.LIMIT_REACHED)
    if not paid:
        offer = Offer.objects.get(pk=redemption.coupon.offer_id)
        full = offer.total_limit is not None and offer.redeemed >= offer.total_limit
        raise Refused(Refusal.OFFER_LIMIT if full else Refusal.BUDGET_EXHAUSTED)
    if redemption.pk is None:
        raise Refused(Refusal.CUSTOMER_LIMIT)
    redemption._state.adding = False


def change_reserved(redemption: Redemption, *, by: Decimal) -> None:
    """Move the reserved part of the budget; raises Refused where that exceeds it, and the caller rolls back."""
    within_budget = Q(budget__isnull=True) | Q(budget__gte=F("reserved") + F("committed") + by)
    offers = Offer.objects.filter(within_budget, pk=redemption.coupon.offer_id)
    if by and not offers.update(reserved=F("reserved") + by):
        raise Refused(Refusal.BUDGET_EXHAUSTED)


def give_back(redemption: Redemption, *, column: str, owner: Customer) -> None:
    """Give the use and the money back; `column` says in which book they stand, `reserved` or `committed`."""
    Coupon.objects.filter(pk=redemption.coupon_id).update(uses=F("uses") - 1)
    Coupon.objects.filter(pk=redemption.coupon_id, status=CouponStatus.REDEEMED).update(status=CouponStatus.ISSUED)
    Offer.objects.filter(pk=redemption.coupon.offer_id).update(
        **{column: F(column) - redemption.cost}, redeemed=F("redeemed") - 1
    )
    uses = OfferUse.objects.filter(offer=redemption.coupon.offer_id, uses__gt=0)
    # A customer who was merged since has its uses under the former one.
    for customer_id in dict.fromkeys((owner.pk, redemption.coupon.customer_id)):
        if uses.filter(customer=customer_id).update(uses=F("uses") - 1):
            break
