"""The ledger of points: it is only added to, each source counts once, and nobody has less than nothing.

Every entry moves its customer's account in the same statement or transaction; the account's row is locked first, so
that two debits cannot both see the same points.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from notifications.choices import PointsKind
from notifications.models import PointsAccount, PointsEntry

# Posts credits and debits; those whose source is known count nothing. Accounts are locked in the order of customers.
_POST = """
WITH due AS ({rows}), posted AS (
    INSERT INTO notifications_pointsentry (customer_id, points, kind, source, note, at, expires_at)
    SELECT customer_id, points, kind, source, note, at, expires_at FROM due WHERE points <> 0
    ON CONFLICT (source) DO NOTHING RETURNING customer_id, points
), moved AS (
    SELECT customer_id, sum(greatest(points, 0)) AS credited, sum(greatest(-points, 0)) AS debited
    FROM posted GROUP BY customer_id ORDER BY customer_id
), opened AS (
    INSERT INTO notifications_pointsaccount AS account (customer_id, credited, debited)
    SELECT customer_id, credited, debited FROM moved WHERE credited >= debited
    ON CONFLICT (customer_id) DO UPDATE
    SET credited = account.credited + excluded.credited, debited = account.debited + excluded.debited
), charged AS (
    UPDATE notifications_pointsaccount AS account
    SET credited = account.credited + moved.credited, debited = account.debited + moved.debited
    FROM moved WHERE account.customer_id = moved.customer_id AND moved.credited < moved.debited
)
SELECT customer_id FROM moved
"""
_LOCK = """
SELECT customer_id FROM notifications_pointsaccount WHERE customer_id IN ({customers}) ORDER BY customer_id FOR UPDATE
"""


class PointsShortError(ValueError):
    """The customer has fewer points than are to be spent."""

    def __init__(self, balance: int) -> None:
        super().__init__(f"There are {balance} points.")
        self.balance = balance


def points_expiry(at: datetime) -> datetime | None:
    """When points that are earned at `at` expire; None: never."""
    return at + timedelta(days=settings.POINTS_KEEP_DAYS) if settings.POINTS_KEEP_DAYS else None


def post_rows(rows: str, params: dict[str, Any]) -> list[int]:
    """Post the rows of a SELECT (customer_id, points, kind, source, note, at, expires_at); those concerned.

    For debits the caller holds the accounts, by `lock_accounts`, and has made sure that they have as much.
    """
    with connection.cursor() as cursor:
        cursor.execute(_POST.format(rows=rows), params)
        return [customer_id for (customer_id,) in cursor.fetchall()]


def lock_accounts(customers: str, params: dict[str, Any]) -> None:
    """Hold the accounts of the customers that a SELECT names until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK.format(customers=customers), params)


def credit_points(*, customer_id: int, points: int, kind: PointsKind, source: str, note: str = "") -> bool:
    """Give `points` (above 0); False when `source` has counted before."""
    now = timezone.now()
    entry = PointsEntry(customer_id=customer_id, points=points, kind=kind, source=source, note=note, at=now)
    entry.expires_at = points_expiry(now)
    return _post_one(entry)


@transaction.atomic
def debit_points(*, customer_id: int, points: int, kind: PointsKind, source: str, note: str = "") -> bool:
    """Take `points` (above 0); False when `source` has counted before. Raises PointsShortError."""
    account = PointsAccount.objects.select_for_update().filter(customer=customer_id).first()
    if PointsEntry.objects.filter(source=source).exists():
        return False
    balance = account.balance if account else 0
    if balance < points:
        raise PointsShortError(balance)
    now = timezone.now()
    return _post_one(PointsEntry(customer_id=customer_id, points=-points, kind=kind, source=source, note=note, at=now))


def adjust_points(*, customer_id: int, points: int, note: str) -> None:
    """Give or take points by hand; every call counts. Raises PointsShortError."""
    move = credit_points if points > 0 else debit_points
    source = f"adjustment:{uuid4()}"
    move(customer_id=customer_id, points=abs(points), kind=PointsKind.ADJUSTED, source=source, note=note)


@transaction.atomic
def reverse_points(*, source: str) -> int:
    """Take back what `source` gave, as far as it is still there; returns how much. Repeating it changes nothing."""
    given = PointsEntry.objects.filter(source=source).first()
    if given is None:
        return 0
    account = PointsAccount.objects.select_for_update().get(customer=given.customer_id)
    points = min(given.points, account.balance)
    entry = PointsEntry(customer_id=given.customer_id, points=-points, kind=PointsKind.REVERSED, note=given.note)
    entry.source, entry.at = f"reversal:{source}", timezone.now()
    return points if points > 0 and _post_one(entry) else 0


def _post_one(entry: PointsEntry) -> bool:
    rows = """
        SELECT %(customer_id)s::bigint AS customer_id, %(points)s::bigint AS points, %(kind)s::text AS kind,
               %(source)s::text AS source, %(note)s::text AS note, %(at)s::timestamptz AS at,
               %(expires_at)s::timestamptz AS expires_at
    """
    names = ("customer_id", "points", "kind", "source", "note", "at", "expires_at")
    return bool(post_rows(rows, {name: getattr(entry, name) for name in names}))


@transaction.atomic
def follow_merges() -> int:
    """Give the points of customers who were joined to others to those; returns how many accounts moved."""
    merged = PointsAccount.objects.filter(customer__merged_into__isnull=False).select_related("customer")[:1_000]
    moves = {account.customer_id: account.customer.merged_into_id or 0 for account in merged}
    lock_accounts("SELECT unnest(%(ids)s::bigint[])", {"ids": sorted({*moves, *moves.values()})})
    for old, into in moves.items():
        account = PointsAccount.objects.get(pk=old)
        PointsEntry.objects.filter(customer=old).update(customer=into)
        PointsAccount.objects.get_or_create(customer_id=into)
        PointsAccount.objects.filter(pk=into).update(
            credited=F("credited") + account.credited, debited=F("debited") + account.debited
        )
        account.delete()
    return len(moves)
