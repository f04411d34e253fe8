"""Coupons for points."""

from django.db import transaction
from django.utils import timezone

from notifications.choices import PointsKind, Refusal
from notifications.membership.ledger import PointsShortError, debit_points
from notifications.models import Coupon, Offer
from notifications.offers.issue import issue_coupon
from notifications.offers.refusals import Refused, check_tier
from users.models import Customer


@transaction.atomic
def buy_coupon(*, customer: Customer, offer: Offer) -> Coupon:
    """Issue a coupon and take its price in points from the customer; both or neither.

    Raises Refused for too few points or too low a tier, OfferNotIssuableError when the offer is over, and ValueError
    when it has no price in points.
    """
    if offer.points_price is None:
        raise ValueError(f"The offer {offer.pk} has no price in points.")
    check_tier(offer, customer)
    coupon = issue_coupon(offer=offer, customer_id=customer.pk, issued_at=timezone.now())
    try:
        debit_points(
            customer_id=customer.pk,
            points=offer.points_price,
            kind=PointsKind.SPENT,
            source=f"coupon:{coupon.pk}",
            note=offer.name,
        )
    except PointsShortError as error:
        raise Refused(Refusal.POINTS_SHORT) from error
    return coupon
