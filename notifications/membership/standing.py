"""What a customer has: points, those that expire next, the tier, and what is missing for the next one."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.conf import settings
from django.db import connection
from django.db.models import Sum
from django.utils import timezone

from notifications.choices import PointsKind, TierBasis
from notifications.models import PointsAccount, PointsEntry, Tier
from users.choices import OrderStatus
from users.models import Customer, Order


@dataclass(frozen=True, slots=True)
class Standing:
    """`expiring` points go at `expires_at`, unless they are used; `missing` is what the `next_tier` still asks for."""

    balance: int
    expiring: int
    expires_at: datetime | None
    tier: Tier | None
    tier_since: datetime | None
    next_tier: Tier | None
    missing: Decimal


class Points(NamedTuple):
    """What a message may say of a customer's points; `tier` is a name, or empty."""

    balance: int
    expiring: int
    expires_at: datetime | None
    tier: str


NO_POINTS = Points(0, 0, None, "")

_POINTS = """
SELECT account.customer_id, account.balance, coalesce(soon.credited - account.debited, 0), soon.expires_at,
       coalesce(tier.name, '')
FROM notifications_pointsaccount account
LEFT JOIN notifications_tier tier ON tier.id = account.tier_id
LEFT JOIN LATERAL (
    SELECT expires_at, credited FROM (
        SELECT entry.expires_at, sum(entry.points) OVER (ORDER BY entry.expires_at) AS credited
        FROM notifications_pointsentry entry
        WHERE entry.customer_id = account.customer_id AND entry.points > 0 AND entry.expires_at IS NOT NULL
    ) AS credits
    WHERE credited > account.debited ORDER BY expires_at LIMIT 1
) AS soon ON true
WHERE account.customer_id = ANY(%s)
"""


def points_of(customer_ids: Collection[int]) -> dict[int, Points]:
    """The points of many customers in one query; those without an account are not among them."""
    with connection.cursor() as cursor:
        cursor.execute(_POINTS, [list(customer_ids)])
        return {row[0]: Points(row[1], int(row[2]), *row[3:]) for row in cursor.fetchall()}


def standing_of(customer: Customer) -> Standing:
    """The customer's points and tier as they stand now, in a fixed number of queries."""
    account = PointsAccount.objects.select_related("tier").filter(customer=customer).first()
    account = account or PointsAccount(customer=customer)
    expiring, expires_at = _next_expiry(customer, account.debited)
    rank = account.tier.rank if account.tier else -1
    next_tier = Tier.objects.filter(rank__gt=rank).order_by("rank").first()
    missing = max(next_tier.threshold - _reached(customer, next_tier), Decimal(0)) if next_tier else Decimal(0)
    return Standing(
        balance=account.credited - account.debited,
        expiring=expiring,
        expires_at=expires_at,
        tier=account.tier,
        tier_since=account.tier_since,
        next_tier=next_tier,
        missing=missing,
    )


def _next_expiry(customer: Customer, debited: int) -> tuple[int, datetime | None]:
    """The first credits that debits have not used up, and when they expire."""
    credits_ = PointsEntry.objects.filter(customer=customer, points__gt=0, expires_at__isnull=False)
    unused = -debited
    for entry in credits_.order_by("expires_at").iterator():
        unused += entry.points
        if unused > 0:
            return unused, entry.expires_at
    return 0, None


def _reached(customer: Customer, tier: Tier) -> Decimal:
    since = timezone.now() - timedelta(days=tier.window_days) if tier.window_days else None
    if tier.basis == TierBasis.POINTS:
        entries = PointsEntry.objects.filter(customer=customer, kind__in=(PointsKind.EARNED, PointsKind.REVERSED))
        entries = entries.filter(at__gt=since) if since else entries
        return Decimal(entries.aggregate(reached=Sum("points"))["reached"] or 0)
    orders = Order.objects.filter(customer=customer, status=OrderStatus.PLACED, currency=settings.SHOP_CURRENCY)
    orders = orders.filter(placed_at__gt=since) if since else orders
    paid = orders.aggregate(total=Sum("total"), refunded=Sum("refunded"))
    return (paid["total"] or Decimal(0)) - (paid["refunded"] or Decimal(0))
