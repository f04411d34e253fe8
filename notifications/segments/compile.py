"""A rule as one SELECT with bound parameters.

Tests of one row per customer become conditions on `c` (customer), `p` (profile) or `r` (prediction). Tests of many
rows become semi-joins and anti-joins where the whole rule hangs on them, and left joins where it may hold without
them: so PostgreSQL reads their tables once, by hashing or by the other side's index, in bounded memory.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import singledispatchmethod
from typing import Any

from django.conf import settings
from django.utils import timezone

from notifications.segments import nodes
from notifications.segments.columns import attribute_test, column_test, hours_test, number_test
from notifications.segments.fields import Kind
from notifications.segments.members import members, orders_since, placed_orders
from notifications.segments.schema import parse_rule
from notifications.segments.sql import Sql, joined, sql

_PROFILE = "LEFT JOIN users_profile p ON p.customer_id = c.id"
_PREDICTION = "LEFT JOIN recommendations_prediction r ON r.customer_id = c.id"


@dataclass(frozen=True, slots=True)
class CompiledSegment:
    """A SELECT of `customer_id`, each at most once, with its positional parameters."""

    sql: str
    params: tuple[Any, ...]


def compile_rule(rule: object, *, now: datetime | None = None) -> CompiledSegment:
    """Compile a rule; windows of days end at `now`. Erased and merged customers never match. Raises RuleError."""
    return compile_node(parse_rule(rule), now=now)


def compile_node(node: nodes.Rule, *, now: datetime | None = None) -> CompiledSegment:
    """Compile a rule that was checked already."""
    compiler = _Compiler(now or timezone.now())
    condition = compiler.decisive(node)
    source = joined(" ", [Sql("users_customer c"), *compiler.joins.values()])
    select = "SELECT c.id AS customer_id FROM {} WHERE c.erased_at IS NULL AND c.merged_into_id IS NULL AND {}"
    compiled = sql(select, source, condition)
    return CompiledSegment(compiled.text, compiled.params)


class _Compiler:
    """Turns nodes into conditions, collecting the joins that they need by their text and parameters.

    A condition may be NULL where data is missing, which selects nobody; `not` therefore asks IS NOT TRUE.
    """

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.joins: dict[Any, Sql] = {}

    def decisive(self, node: nodes.Rule) -> Sql:
        """The condition of a node without which the whole rule cannot hold."""
        if isinstance(node, nodes.InSegment):
            return self.decisive(node.rule)
        if isinstance(node, nodes.All):
            return sql("({})", joined(" AND ", [self.decisive(rule) for rule in node.rules]))
        if isinstance(node, nodes.Membership):
            return self._exists(node)
        if isinstance(node, nodes.LastOrder):
            return self._last_order(node)
        if isinstance(node, nodes.Not) and isinstance(node.rule, nodes.Membership):
            return self._exists(node.rule, wanted=False)
        return self.condition(node)

    def _exists(self, node: nodes.Membership, *, wanted: bool = True) -> Sql:
        node, positive = _positive(node)
        found = sql("EXISTS (SELECT FROM ({}) m WHERE m.customer_id = c.id)", members(node, self.now))
        return found if wanted is positive else sql("NOT {}", found)

    def _last_order(self, node: nodes.LastOrder) -> Sql:
        """Whether somebody has ordered, and has since a moment: nobody's last order need be looked for."""
        if node.op in ("is_set", "is_not_set"):
            return self._exists(nodes.OrderCount(1, None, None), wanted=node.op == "is_set")
        moment = self.now - timedelta(days=node.value) if isinstance(node.value, int) else node.value
        since = sql("EXISTS (SELECT FROM ({}) m WHERE m.customer_id = c.id)", orders_since(moment))
        if node.op in ("within_days", "after"):
            return since
        return sql("({} AND NOT {})", self._exists(nodes.OrderCount(1, None, None)), since)

    @singledispatchmethod
    def condition(self, node: Any) -> Sql:
        raise TypeError(f"no SQL for {type(node).__name__}")

    @condition.register
    def _(self, node: nodes.All) -> Sql:
        return sql("({})", joined(" AND ", [self.condition(rule) for rule in node.rules]))

    @condition.register
    def _(self, node: nodes.AnyOf) -> Sql:
        return sql("({})", joined(" OR ", [self.condition(rule) for rule in node.rules]))

    @condition.register
    def _(self, node: nodes.Not) -> Sql:
        return sql("({}) IS NOT TRUE", self.condition(node.rule))

    @condition.register
    def _(self, node: nodes.InSegment) -> Sql:
        return self.condition(node.rule)

    @condition.register(nodes.EventCount)
    @condition.register(nodes.OrderCount)
    @condition.register(nodes.HadMessage)
    @condition.register(nodes.HasConsent)
    @condition.register(nodes.HasCoupon)
    def _(self, node: nodes.Membership) -> Sql:
        node, positive = _positive(node)
        alias = self._join(sql("SELECT DISTINCT m.customer_id FROM ({}) m", members(node, self.now)))
        return Sql(f"{alias}.customer_id IS {'NOT NULL' if positive else 'NULL'}")

    @condition.register
    def _(self, node: nodes.FieldTest) -> Sql:
        field = node.field
        if field.column.startswith("p."):
            self.joins["profile"] = Sql(_PROFILE)
        if field.kind == Kind.HOURS:
            return hours_test(field.column, *node.value)
        if field.kind == Kind.NUMBER and not field.nullable:
            return number_test(field.column, node.op, node.value)
        return column_test(field.column, field.kind, node.op, node.value, self.now)

    @condition.register
    def _(self, node: nodes.AttributeTest) -> Sql:
        return attribute_test(node.name, node.op, node.value)

    @condition.register
    def _(self, node: nodes.OrderTotal) -> Sql:
        orders = placed_orders("o.customer_id, sum(o.total - o.refunded) AS total", node.days, self.now)
        alias = self._join(sql("{} AND o.currency = {} GROUP BY o.customer_id", orders, settings.SHOP_CURRENCY))
        return number_test(f"{alias}.total", node.op, node.value)

    @condition.register
    def _(self, node: nodes.LastOrder) -> Sql:
        orders = placed_orders("o.customer_id, max(o.placed_at) AS last_at", None, self.now)
        alias = self._join(sql("{} GROUP BY o.customer_id", orders))
        return column_test(f"{alias}.last_at", Kind.TIME, node.op, node.value, self.now)

    @condition.register
    def _(self, node: nodes.Predicted) -> Sql:
        self.joins["prediction"] = Sql(_PREDICTION)
        if node.op != "top":
            return column_test(f"r.{node.measure}", Kind.NUMBER, node.op, node.value, self.now)
        bound = (
            f"SELECT percentile_disc({{}}) WITHIN GROUP (ORDER BY {node.measure} DESC) FROM recommendations_prediction"
        )
        return sql(f"r.{node.measure} >= ({bound})", float(node.value / 100))

    def _join(self, select: Sql) -> str:
        """The alias of a left join of `select`, which has each customer once; the same one for the same SELECT."""
        key = (select.text, repr(select.params))
        alias = f"j{list(self.joins).index(key) if key in self.joins else len(self.joins)}"
        self.joins[key] = sql(f"LEFT JOIN ({{}}) {alias} ON {alias}.customer_id = c.id", select)
        return alias


def _positive(node: nodes.Membership) -> tuple[nodes.Membership, bool]:
    """The node, or what it denies: at most n events, also none, means not n + 1 or more."""
    if isinstance(node, nodes.EventCount | nodes.OrderCount) and node.least == 0:
        return replace(node, least=(node.most or 0) + 1, most=None), False
    return node, True
