"""Coupons for many customers at once."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from notifications.choices import CodeSource, CouponStatus
from notifications.models import Coupon, Offer
from notifications.offers.codes import generate_code

BATCH = 10_000  # rows a statement: a megabyte of parameters

_COLUMNS = "code, offer_id, customer_id, run_id, status, valid_from, valid_until, max_uses, uses, issued_at"
_TERMS = """
    %(offer)s, new.customer_id, %(run)s, %(status)s, %(valid_from)s, %(valid_until)s, %(max_uses)s, 0, %(issued_at)s
"""
# The conflict target names the one expected conflict, so that a clash of codes would be an error, not a lost coupon.
_ONCE_PER_RUN = "ON CONFLICT (customer_id, offer_id, run_id) DO NOTHING RETURNING id"
_INSERT = f"""
INSERT INTO notifications_coupon ({_COLUMNS})
SELECT new.code, {_TERMS} FROM unnest(%(codes)s::varchar[], %(customers)s::bigint[]) AS new (code, customer_id)
{_ONCE_PER_RUN}
"""
# Two issues at once take different codes, and neither waits for the other.
_INSERT_FROM_POOL = f"""
WITH wanted AS (
    SELECT said.customer_id, row_number() OVER () AS place FROM unnest(%(customers)s::bigint[]) AS said (customer_id)
    WHERE NOT EXISTS (
        SELECT FROM notifications_coupon known
        WHERE known.run_id = %(run)s AND known.customer_id = said.customer_id AND known.offer_id = %(offer)s
    )
), picked AS MATERIALIZED (
    SELECT id FROM notifications_poolcode WHERE offer_id = %(offer)s
    ORDER BY id LIMIT (SELECT count(*) FROM wanted) FOR UPDATE SKIP LOCKED
), claimed AS (
    DELETE FROM notifications_poolcode AS pool USING picked WHERE pool.id = picked.id RETURNING pool.code
), new AS (
    SELECT wanted.customer_id, claimed.code
    FROM wanted JOIN (SELECT code, row_number() OVER () AS place FROM claimed) AS claimed USING (place)
), stored AS (
    INSERT INTO notifications_coupon ({_COLUMNS}) SELECT new.code, {_TERMS} FROM new {_ONCE_PER_RUN}
)
SELECT ARRAY(SELECT id FROM stored), (SELECT count(*) FROM wanted)
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


def issue_coupons(*, offer: Offer, customer_ids: Sequence[int], run_id: int | None, issued_at: datetime) -> int:
    """Give each of the customers one coupon of `offer`; returns how many were new.

    Within a run a customer who has one keeps it, so the call may be repeated; without a run every call issues anew.
    Raises OfferNotIssuableError when the coupons could never be used, or the imported codes do not suffice.
    """
    return len(_issue(offer, customer_ids, run_id, issued_at))


def issue_coupon(*, offer: Offer, customer_id: int, issued_at: datetime) -> Coupon:
    """Give one customer a coupon of `offer`, outside of any campaign. Raises OfferNotIssuableError."""
    (coupon_id,) = _issue(offer, [customer_id], None, issued_at)
    return Coupon.objects.select_related("offer", "customer").get(pk=coupon_id)


@transaction.atomic
def _issue(offer: Offer, customer_ids: Sequence[int], run_id: int | None, issued_at: datetime) -> list[int]:
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
    take = _from_pool if offer.code_source == CodeSource.IMPORTED else _with_new_codes
    issued: list[int] = []
    for start in range(0, len(customer_ids), BATCH):
        issued += take({**terms, "customers": list(customer_ids[start : start + BATCH])})
    return issued


def _with_new_codes(terms: dict[str, Any]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, {**terms, "codes": [generate_code() for _customer in terms["customers"]]})
        return [coupon_id for (coupon_id,) in cursor.fetchall()]


def _from_pool(terms: dict[str, Any]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(_INSERT_FROM_POOL, terms)
        issued, wanted = cursor.fetchone()
    if len(issued) < wanted:
        raise OfferNotIssuableError(
            _("%(wanted)d imported codes are needed, and the pool has only %(left)d; import more.")
            % {"wanted": wanted, "left": len(issued)}
        )
    return list(issued)
