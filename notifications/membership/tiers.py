"""Who has which tier: the highest whose threshold the customer reaches within its window."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from notifications.choices import PointsKind, TierBasis
from notifications.membership.claim import claim_progress
from notifications.models import Tier
from users.choices import OrderStatus

# What counts for a tier, per customer.
_MEASURES: dict[str, str] = {
    TierBasis.POINTS: f"""
        SELECT customer_id, sum(points) AS reached FROM notifications_pointsentry
        WHERE kind IN ('{PointsKind.EARNED}', '{PointsKind.REVERSED}') AND at > {{since}} AND {{some}}
        GROUP BY customer_id""",
    TierBasis.SPEND: f"""
        SELECT customer_id, sum(total - refunded) AS reached FROM users_order
        WHERE status = '{OrderStatus.PLACED}' AND currency = %(currency)s AND placed_at > {{since}} AND {{some}}
        GROUP BY customer_id""",
}
_REACHED = "SELECT customer_id, {tier} AS tier_id, {rank} AS rank FROM ({measure}) AS measured WHERE reached >= {least}"
_EVALUATE = """
WITH best AS (
    SELECT DISTINCT ON (reached.customer_id) reached.customer_id, reached.tier_id
    FROM ({reached}) AS reached
    JOIN users_customer customer ON customer.id = reached.customer_id AND customer.external_id IS NOT NULL
        AND customer.erased_at IS NULL AND customer.merged_into_id IS NULL
    ORDER BY reached.customer_id, reached.rank DESC
), change AS (
    SELECT coalesce(best.customer_id, account.customer_id) AS customer_id, account.tier_id AS before,
           best.tier_id AS after
    FROM best FULL JOIN (
        SELECT customer_id, tier_id FROM notifications_pointsaccount WHERE tier_id IS NOT NULL AND {some}
    ) AS account ON account.customer_id = best.customer_id
    WHERE best.tier_id IS DISTINCT FROM account.tier_id
), stored AS (
    INSERT INTO notifications_pointsaccount (customer_id, credited, debited, tier_id, tier_since)
    SELECT customer_id, 0, 0, after, %(now)s FROM change ORDER BY customer_id
    ON CONFLICT (customer_id) DO UPDATE SET tier_id = excluded.tier_id, tier_since = excluded.tier_since
)
INSERT INTO notifications_tierchange (customer_id, before_id, after_id, at)
SELECT customer_id, before, after, %(now)s FROM change
"""


@transaction.atomic
def evaluate_tiers(*, customer_ids: Collection[int] | None = None) -> int:
    """Give every customer, or those of `customer_ids`, the tier that they reach now; returns how many changed.

    While somebody else does, it is left to them and to the next time.
    """
    progress = claim_progress("tiers")
    tiers = list(Tier.objects.order_by("rank"))
    if progress is None or not tiers or (customer_ids is not None and not customer_ids):
        return 0
    some = "TRUE" if customer_ids is None else "customer_id = ANY(%(ids)s)"
    params: dict[str, Any] = {
        "ids": list(customer_ids or ()),
        "now": timezone.now(),
        "currency": settings.SHOP_CURRENCY,
        **{name: value for tier in tiers for name, value in _bounds(tier).items()},
    }
    reached = " UNION ALL ".join(_reached(tier, some) for tier in tiers)
    with connection.cursor() as cursor:
        cursor.execute(_EVALUATE.format(reached=reached, some=some), params)
        return cursor.rowcount


def _reached(tier: Tier, some: str) -> str:
    measure = _MEASURES[tier.basis].format(since=f"%(since_{tier.pk})s::timestamptz", some=some)
    return _REACHED.format(tier=tier.pk, rank=tier.rank, measure=measure, least=f"%(least_{tier.pk})s")


def _bounds(tier: Tier) -> dict[str, Any]:
    since = timezone.now() - timedelta(days=tier.window_days) if tier.window_days else "-infinity"
    return {f"since_{tier.pk}": since, f"least_{tier.pk}": tier.threshold}
