"""Coupons for many customers at once."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils.translation import gettext as _

from notifications.choices import CouponStatus
from notifications.models import Offer
from notifications.offers.codes import generate_code

BATCH = 10_000  # rows a statement: a megabyte of parameters

# The conflict target names the one expected conflict, so that a clash of codes would be an error, not a lost coupon.
_INSERT = """
INSERT INTO notifications_coupon
    (code, offer_id, customer_id, run_id, status, valid_from, valid_until, max_uses, uses, issued_at)
SELECT new.code, %(offer)s, new.customer_id, %(run)s, %(status)s, %(valid_from)s, %(valid_until)s, %(max_uses)s, 0,
       %(issued_at)s
FROM unnest(%(codes)s::varchar[], %(customers)s::bigint[]) AS new (code, customer_id)
ON CONFLICT (run_id, customer_id, offer_id) WHERE run_id IS NOT NULL DO NOTHING
"""


class OfferNotIssuableError(ValueError):
    """Coupons of this offer would never be valid; the message says why."""


def coupon_validity(*, offer: Offer, issued_at: datetime) -> tuple[datetime, datetime]:
    """First and last moment at which a coupon issued at `issued_at` is valid.

    It starts with the offer, runs for `valid_days` where the offer says so, and never outlives the offer.
    Raises OfferNotIssuableError when that leaves no time at all, or no end.
    """
    start = max(issued_at, offer.valid_from or issued_at)
    ends = [offer.valid_until] if offer.valid_until else []
    if offer.valid_days is not None:
        ends.append(start + timedelta(days=offer.valid_days))
    if not ends:
        raise OfferNotIssuableError(
            _("The offer “%(offer)s” has neither an end nor a number of days; set one of them.") % {"offer": offer}
        )
    if min(ends) <= start:
        raise OfferNotIssuableError(
            _("The offer “%(offer)s” is over since %(end)s; extend it before issuing coupons.")
            % {"offer": offer, "end": min(ends).strftime("%Y-%m-%d %H:%M %Z")}
        )
    return start, min(ends)


@transaction.atomic
def issue_coupons(*, offer: Offer, customer_ids: Sequence[int], run_id: int | None, issued_at: datetime) -> int:
    """Give each of the customers one coupon of `offer`; returns how many were new.

    Within a run a customer who has one keeps it, so the call may be repeated; without a run every call issues anew.
    Raises OfferNotIssuableError when the coupons could never be used.
    """
    valid_from, valid_until = coupon_validity(offer=offer, issued_at=issued_at)
    terms = {
        "offer": offer.pk,
        "run": run_id,
        "status": CouponStatus.ISSUED,
        "valid_from": valid_from,
        "valid_until": valid_until,
        "max_uses": offer.uses_per_coupon,
        "issued_at": issued_at,
    }
    issued = 0
    with connection.cursor() as cursor:
        for start in range(0, len(customer_ids), BATCH):
            customers = list(customer_ids[start : start + BATCH])
            codes = [generate_code() for _customer in customers]
            cursor.execute(_INSERT, {**terms, "codes": codes, "customers": customers})
            issued += cursor.rowcount
    return issued
