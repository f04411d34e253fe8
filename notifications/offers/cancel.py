"""Coupons taken back."""

from collections.abc import Iterable

from notifications.choices import CouponStatus
from notifications.models import Coupon


def cancel_coupons(*, coupon_ids: Iterable[int]) -> int:
    """Cancel those that are not used up; returns how many. An open reservation may still be committed."""
    return Coupon.objects.filter(pk__in=list(coupon_ids), status=CouponStatus.ISSUED).update(
        status=CouponStatus.CANCELLED
    )
