"""Points that nobody used in time. Debits have used up the credits that expire first."""

from django.db import transaction
from django.utils import timezone

from notifications.choices import PointsKind
from notifications.membership.claim import claim_progress
from notifications.membership.ledger import lock_accounts, post_rows

_CUSTOMERS = """
SELECT DISTINCT customer_id FROM notifications_pointsentry
WHERE points > 0 AND expires_at <= %(now)s AND (%(since)s::timestamptz IS NULL OR expires_at > %(since)s)
"""
_ROWS = f"""
SELECT account.customer_id, account.debited - due.points AS points, '{PointsKind.EXPIRED}' AS kind,
       'expiry:' || account.customer_id || ':' || extract(epoch FROM %(now)s::timestamptz) AS source, '' AS note,
       %(now)s::timestamptz AS at, NULL::timestamptz AS expires_at
FROM notifications_pointsaccount account
JOIN LATERAL (
    SELECT sum(entry.points)::bigint AS points FROM notifications_pointsentry entry
    WHERE entry.customer_id = account.customer_id AND entry.points > 0 AND entry.expires_at <= %(now)s
) AS due ON due.points > account.debited
WHERE account.customer_id IN ({_CUSTOMERS})
"""


@transaction.atomic
def expire_points() -> set[int]:
    """Take what has expired since the last turn; the customers concerned. Repeating it changes nothing."""
    progress = claim_progress("points:expiry")
    if progress is None:
        return set()
    params = {"now": timezone.now(), "since": progress.moment}
    lock_accounts(_CUSTOMERS, params)
    touched = set(post_rows(_ROWS, params))
    progress.moment = params["now"]
    progress.save()
    return touched
