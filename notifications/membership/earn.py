"""Points for orders and events, set-based: each turn reads on where the one before stopped.

An order earns for what was paid in the shop's currency, times the multiplier of the customer's tier; what is refunded
or cancelled later takes its part back, as far as it is still there. Customers without an id of the shop earn nothing.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from notifications.choices import PointsKind
from notifications.membership.claim import claim_progress
from notifications.membership.ledger import lock_accounts, post_rows
from notifications.models import PointsRule
from users.choices import OrderStatus, Suspicion
from users.ingestion.order_changes import lock_orders

BATCH = 50_000  # ids in one transaction
LATENESS = timedelta(days=2)  # an event that arrives later than that earns nothing

_WHO = """
JOIN users_customer said ON said.id = {row}.customer_id
JOIN users_customer customer ON customer.id = coalesce(said.merged_into_id, said.id)
    AND customer.external_id IS NOT NULL AND customer.erased_at IS NULL
"""
_EXPIRES = "CASE WHEN %(keep)s > 0 THEN {at} + make_interval(days => %(keep)s) END"

_ORDERS = f"""
SELECT customer.id AS customer_id, floor(placed.total * %(rate)s * coalesce(tier.multiplier, 1))::bigint AS points,
       '{PointsKind.EARNED}' AS kind, 'order:' || placed.id AS source, %(note)s AS note, placed.placed_at AS at,
       {_EXPIRES.format(at="placed.placed_at")} AS expires_at
FROM users_order placed {_WHO.format(row="placed")}
LEFT JOIN notifications_pointsaccount account ON account.customer_id = customer.id
LEFT JOIN notifications_tier tier ON tier.id = account.tier_id
WHERE placed.id > %(low)s AND placed.id <= %(high)s AND placed.currency = %(currency)s
  AND placed.placed_at >= %(starts_at)s AND (%(keep)s = 0 OR placed.placed_at > %(oldest)s)
"""
# Orders of which money went back, and what their ledger says; the entries of an order are found by their source.
_OWED = f"""
SELECT given.customer_id, placed.id AS order_id,
       CASE WHEN placed.status = '{OrderStatus.PLACED}'
            THEN given.points - floor(given.points * (placed.total - placed.refunded) / nullif(placed.total, 0))::bigint
            ELSE given.points END
       - coalesce((SELECT -sum(entry.points) FROM notifications_pointsentry entry
                   WHERE entry.source ~>=~ ('order:' || placed.id || ':')
                     AND entry.source ~<~ ('order:' || placed.id || ';')), 0) AS owed,
       placed.status || '-' || placed.refunded AS state
FROM users_order placed
JOIN notifications_pointsentry given ON given.source = 'order:' || placed.id
WHERE (placed.status <> '{OrderStatus.PLACED}' OR placed.refunded > 0) AND placed.id IN (
    SELECT id FROM users_order WHERE id > %(low)s AND id <= %(high)s
    UNION
    SELECT named.id FROM users_orderchange change JOIN users_order named ON named.external_id = change.order_ref
    WHERE change.id > %(change_low)s AND change.id <= %(change_high)s
)
"""
# Nobody falls below nothing: of several refunds of one customer, each takes what those before it left.
_REVERSALS = f"""
SELECT customer_id, -greatest(least(owed, left_over), 0)::bigint AS points, '{PointsKind.REVERSED}' AS kind,
       'order:' || order_id || ':' || state AS source, '' AS note, %(now)s::timestamptz AS at,
       NULL::timestamptz AS expires_at
FROM (
    SELECT owing.*, account.balance - coalesce(sum(owing.owed) OVER (
        PARTITION BY owing.customer_id ORDER BY owing.order_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ), 0) AS left_over
    FROM ({_OWED}) AS owing JOIN notifications_pointsaccount account ON account.customer_id = owing.customer_id
    WHERE owing.owed > 0
) AS due
"""
# The limit of a day counts events in the order of their arrival, so that a late one takes nobody's place.
_EVENTS = f"""
SELECT customer_id, %(points)s::bigint AS points, '{PointsKind.EARNED}' AS kind,
       'event:' || %(rule)s || ':' || message_id AS source, %(note)s AS note, occurred_at AS at,
       {_EXPIRES.format(at="occurred_at")} AS expires_at
FROM (
    SELECT customer.id AS customer_id, event.message_id, event.occurred_at, row_number() OVER (
        PARTITION BY customer.id, date_trunc('day', event.occurred_at AT TIME ZONE 'UTC') ORDER BY event.id
    ) AS place
    FROM users_event event {_WHO.format(row="event")}
    WHERE event.type = %(type)s AND event.occurred_at >= %(since)s AND event.occurred_at < %(until)s
      AND coalesce(event.suspect, {Suspicion.ACCEPTED}) <= {Suspicion.ACCEPTED}
) AS happened
WHERE (%(daily)s::integer IS NULL OR place <= %(daily)s) AND occurred_at >= %(starts_at)s
"""


def earn_points() -> set[int]:
    """Post what orders and events of the active rules have earned since the last turn; the customers concerned."""
    touched: set[int] = set()
    for rule in PointsRule.objects.filter(is_active=True).order_by("pk"):
        if rule.event_type is None:
            touched |= _earn_by_orders(rule)
        else:
            touched |= _earn_by_events(rule)
    return touched


def _earn_by_orders(rule: PointsRule) -> set[int]:
    touched: set[int] = set()
    last_order, last_change = _last_ids()
    while True:
        with transaction.atomic():
            orders = claim_progress(f"points:{rule.pk}:orders")
            changes = claim_progress(f"points:{rule.pk}:changes")
            if orders is None or changes is None:
                return touched
            if orders.position >= last_order and changes.position >= last_change:
                return touched
            high = _end_of_batch("users_order", after=orders.position, last=last_order)
            change_high = _end_of_batch("users_orderchange", after=changes.position, last=last_change)
            now = timezone.now()
            params = {
                "low": orders.position,
                "high": high,
                "rate": rule.points,
                "note": rule.name,
                "now": now,
                "change_low": changes.position,
                "change_high": change_high,
                "starts_at": rule.starts_at,
                "currency": settings.SHOP_CURRENCY,
                "keep": settings.POINTS_KEEP_DAYS,
                "oldest": now - timedelta(days=settings.POINTS_KEEP_DAYS),
            }
            touched |= {*post_rows(_ORDERS, params)}
            lock_accounts(f"SELECT customer_id FROM ({_OWED}) AS owing", params)
            touched |= {*post_rows(_REVERSALS, params)}
            orders.position, changes.position = max(high, orders.position), max(change_high, changes.position)
            orders.save()
            changes.save()


def _end_of_batch(table: str, *, after: int, last: int) -> int:
    """The id up to which the next batch goes. Ids have gaps, so rows are counted."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT max(id) FROM (SELECT id FROM {table} WHERE id > %s AND id <= %s ORDER BY id LIMIT %s) AS batch",
            [after, last, BATCH],
        )
        return cursor.fetchone()[0] or last


def _last_ids() -> tuple[int, int]:
    """The last ids of orders and of their changes, below which none can appear any more.

    Ids are given before they are committed. While nobody may store orders, all that were given are committed.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        lock_orders(changing=True)
        cursor.execute("SELECT (SELECT max(id) FROM users_order), (SELECT max(id) FROM users_orderchange)")
        last_order, last_change = cursor.fetchone()
        return last_order or 0, last_change or 0


@transaction.atomic
def _earn_by_events(rule: PointsRule) -> set[int]:
    progress = claim_progress(f"points:{rule.pk}:events")
    if progress is None:
        return set()
    now = timezone.now()
    since = _start_of_day(max(rule.starts_at, (progress.moment or rule.starts_at) - LATENESS))
    params = {
        "type": rule.event_type,
        "points": int(rule.points),
        "rule": rule.pk,
        "note": rule.name,
        "since": since,
        "until": now,
        "daily": rule.daily_limit,
        "starts_at": rule.starts_at,
        "keep": settings.POINTS_KEEP_DAYS,
    }
    touched = set(post_rows(_EVENTS, params))
    progress.moment = now
    progress.save()
    return touched


def _start_of_day(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)
