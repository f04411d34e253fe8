"""Tests over many rows per customer — events, orders, messages, coupons, consents — as SELECTs of `customer_id`.

Each reads its table once, by an index where there is a fitting one, whatever the number of customers.
"""

from datetime import datetime, timedelta
from functools import singledispatch
from typing import Any

from django.conf import settings

from notifications.choices import CouponStatus, MessageState, RedemptionState
from notifications.segments import nodes
from notifications.segments.sql import Sql, joined, sql
from users.choices import OrderStatus


@singledispatch
def members(node: Any, now: datetime) -> Sql:
    """The customers for whom `node` holds, some of them perhaps more than once; windows of days end at `now`."""
    raise TypeError(f"no members of {type(node).__name__}")


def is_counted(node: nodes.Membership) -> bool:
    """Whether `members` groups the rows of each customer, and so names each once."""
    if isinstance(node, nodes.EventCount | nodes.OrderCount):
        return (node.least, node.most) != (1, None)
    return isinstance(node, nodes.HadMessage) and node.state == "ignored"


@members.register
def _(node: nodes.EventCount, now: datetime) -> Sql:
    tests = [sql("e.type = {}", int(node.type)), *_since("e.occurred_at", node.days, now)]
    items = _item_tests(node)
    if items:
        tests.append(sql("e.item_id IN (SELECT i.id FROM catalog_item i WHERE {})", joined(" AND ", items)))
    rows = sql("SELECT e.customer_id FROM users_event e WHERE {}", joined(" AND ", tests))
    return _counted(rows, "e.customer_id", node.least, node.most)


def _item_tests(node: nodes.EventCount) -> list[Sql]:
    tests = []
    if node.items:
        tests.append(sql("i.external_id = ANY({})", node.items))
    if node.categories:
        tests.append(sql(f"i.category_id IN ({_WITH_THOSE_BELOW})", node.categories))
    if node.brands:
        tests.append(sql("i.brand = ANY({})", node.brands))
    if node.price:
        tests.append(sql("i.currency = {}", settings.SHOP_CURRENCY))
        bounds = ((">=", node.price.least), ("<=", node.price.most))
        tests += [sql(f"i.price {op} {{}}", bound) for op, bound in bounds if bound is not None]
    return tests


_WITH_THOSE_BELOW = (
    "WITH RECURSIVE wanted AS (SELECT id FROM catalog_category WHERE external_id = ANY({})"
    " UNION SELECT below.id FROM catalog_category below JOIN wanted ON below.parent_id = wanted.id)"
    " SELECT id FROM wanted"
)


@members.register
def _(node: nodes.OrderCount, now: datetime) -> Sql:
    return _counted(placed_orders("o.customer_id", node.days, now), "o.customer_id", node.least, node.most)


def placed_orders(columns: str, days: int | None, now: datetime) -> Sql:
    """`columns` of the orders `o` that were not cancelled."""
    tests = [sql("o.status <> {}", OrderStatus.CANCELLED), *_since("o.placed_at", days, now)]
    return sql(f"SELECT {columns} FROM users_order o WHERE {{}}", joined(" AND ", tests))


def orders_since(moment: datetime) -> Sql:
    """The customers of the orders that were placed at `moment` or later and not cancelled."""
    return sql(
        "SELECT o.customer_id FROM users_order o WHERE o.status <> {} AND o.placed_at >= {}",
        OrderStatus.CANCELLED,
        moment,
    )


def _counted(rows: Sql, customer: str, least: int, most: int | None) -> Sql:
    if least == 1 and most is None:
        return rows
    grouped = sql(f"{{}} GROUP BY {customer} HAVING count(*) >= {{}}", rows, least)
    return grouped if most is None else sql("{} AND count(*) <= {}", grouped, most)


@members.register
def _(node: nodes.HadMessage, now: datetime) -> Sql:
    tests = [sql("m.state = {}", MessageState.SENT), *_since("m.sent_at", node.days, now)]
    if node.campaign:
        runs = "SELECT r.id FROM notifications_run r JOIN notifications_campaign k ON k.id = r.campaign_id"
        tests.append(sql(f"m.run_id IN ({runs} WHERE k.name = {{}})", node.campaign))
    if node.state == "clicked":
        tests.append(sql("m.first_clicked_at IS NOT NULL"))
    rows = sql("SELECT m.customer_id FROM notifications_message m WHERE {}", joined(" AND ", tests))
    return (
        rows if node.state != "ignored" else sql("{} GROUP BY m.customer_id HAVING count(m.first_clicked_at) = 0", rows)
    )


@members.register
def _(node: nodes.HasConsent, now: datetime) -> Sql:
    newer = (
        "SELECT FROM users_consent n WHERE n.customer_id = k.customer_id AND n.channel = k.channel"
        " AND n.purpose = k.purpose AND (n.recorded_at, n.id) > (k.recorded_at, k.id)"
    )
    return sql(
        "SELECT k.customer_id FROM users_consent k WHERE k.channel = {} AND k.purpose = {} AND k.granted"
        f" AND NOT EXISTS ({newer})",
        node.channel,
        node.purpose,
    )


@members.register
def _(node: nodes.HasCoupon, now: datetime) -> Sql:
    if node.state == "unused":
        tests = [
            sql("k.status = {} AND k.uses < k.max_uses", CouponStatus.ISSUED),
            sql("k.valid_from <= {} AND k.valid_until > {}", now, now),
        ]
    else:
        redeemed = "SELECT FROM notifications_redemption r WHERE r.coupon_id = k.id AND r.state = {}"
        tests = [sql(f"EXISTS ({redeemed})", RedemptionState.COMMITTED)]
    if node.offer:
        tests.append(sql("k.offer_id = (SELECT o.id FROM notifications_offer o WHERE o.name = {})", node.offer))
    return sql("SELECT k.customer_id FROM notifications_coupon k WHERE {}", joined(" AND ", tests))


def _since(column: str, days: int | None, now: datetime) -> list[Sql]:
    return [] if days is None else [sql(f"{column} >= {{}}", now - timedelta(days=days))]
