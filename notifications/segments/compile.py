"""A rule as one SELECT with bound parameters.

Tests of one row per customer become conditions on `c` (customer), `p` (profile) or `r` (prediction). Tests of many
rows become semi-joins and anti-joins where the whole rule hangs on them, and left joins where it may hold without
them: so PostgreSQL reads their tables once, by hashing or by the other side's index, in bounded memory.

What is counted or summed by customer stands in a materialised CTE of its own: inside of the join, every parallel worker
would count it again.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import singledispatchmethod
from typing import Any

from django.conf import settings
from django.utils import timezone

from notifications.segments import nodes
from notifications.segments.columns import attribute_test, column_test, hours_test, number_test
from notifications.segments.fields import Kind
from notifications.segments.members import is_counted, members, orders_since, placed_orders
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
    tables = [sql(f"{name} AS MATERIALIZED ({{}})", select) for name, select in compiler.tables()]
    source = joined(" ", [Sql("users_customer c"), *compiler.joins.values()])
    select = "{} SELECT c.id AS customer_id FROM {} WHERE c.erased_at IS NULL AND c.merged_into_id IS NULL AND {}"
    compiled = sql(select, sql("WITH {}", joined(", ", tables)) if tables else Sql(""), source, condition)
    return CompiledSegment(compiled.text.strip(), compiled.params)


class _Compiler:
    """Turns nodes into conditions, collecting the tables and joins that they need by their text and parameters.

    A condition may be NULL where data is missing, which selects nobody; `not` therefore asks IS NOT TRUE.
    """

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.joins: dict[str, Sql] = {}
        self._tables: dict[Any, Sql] = {}

    def tables(self) -> Iterator[tuple[str, Sql]]:
        """The CTEs by their names."""
        return ((f"m{number}", select) for number, select in enumerate(self._tables.values()))

    def decisive(self, node: nodes.Rule) -> Sql:
        """The condition of a node without which the whole rule cannot hold."""
        if isinstance(node, nodes.InSegment):
            return self.decisive(node.rule)
        if isinstance(node, nodes.All):
            ordered = any(_has_ordered(rule) for rule in node.rules)
            return sql("({})", joined(" AND ", [self._part(rule, ordered=ordered) for rule in node.rules]))
        choices = node.rules if isinstance(node, nodes.AnyOf) else (node,)
        if all(_is_found(rule) for rule in choices):
            found = self._table(joined(" UNION ", [self._found(rule) for rule in choices]))
            return Sql(f"c.id IN (SELECT customer_id FROM {found})")
        return self._alone(node)

    def _alone(self, node: nodes.Rule) -> Sql:
        if isinstance(node, nodes.Membership):
            return self._exists(node)
        if isinstance(node, nodes.LastOrder):
            return self._last_order(node)
        if isinstance(node, nodes.Not) and isinstance(node.rule, nodes.Membership):
            return self._exists(node.rule, wanted=False)
        return self.condition(node)

    def _part(self, node: nodes.Rule, *, ordered: bool) -> Sql:
        """A rule beside others that all have to hold, one of which perhaps says already that there are orders."""
        return self._last_order(node, ordered=ordered) if isinstance(node, nodes.LastOrder) else self.decisive(node)

    def _found(self, node: nodes.Rule) -> Sql:
        """A SELECT of the customers for whom a counted or summed rule holds."""
        if isinstance(node, nodes.OrderTotal):
            total = number_test("sum(o.total - o.refunded)", node.op, node.value)
            return sql("{} HAVING {}", self._totals("o.customer_id", node.days), total)
        return members(node, self.now)

    def _totals(self, columns: str, days: int | None) -> Sql:
        orders = placed_orders(columns, days, self.now)
        return sql("{} AND o.currency = {} GROUP BY o.customer_id", orders, settings.SHOP_CURRENCY)

    def _exists(self, node: nodes.Membership, *, wanted: bool = True) -> Sql:
        node, positive = _positive(node)
        found = sql("EXISTS (SELECT FROM ({}) m WHERE m.customer_id = c.id)", self._members(node))
        return found if wanted is positive else sql("NOT {}", found)

    def _members(self, node: nodes.Membership) -> Sql:
        select = members(node, self.now)
        return Sql(f"SELECT customer_id FROM {self._table(select)}") if is_counted(node) else select

    def _last_order(self, node: nodes.LastOrder, *, ordered: bool = False) -> Sql:
        """Whether somebody has ordered, and has since a moment: nobody's last order need be looked for."""
        if node.op in ("is_set", "is_not_set"):
            return self._exists(nodes.OrderCount(1, None, None), wanted=node.op == "is_set")
        moment = self.now - timedelta(days=node.value) if isinstance(node.value, int) else node.value
        since = sql("EXISTS (SELECT FROM ({}) m WHERE m.customer_id = c.id)", orders_since(moment))
        if node.op in ("within_days", "after"):
            return since
        if ordered:
            return sql("NOT {}", since)
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
        select = members(node, self.now)
        alias = self._join(select if is_counted(node) else sql("SELECT DISTINCT m.customer_id FROM ({}) m", select))
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
        alias = self._join(self._totals("o.customer_id, sum(o.total - o.refunded) AS total", node.days))
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
        """The name of a left join of `select`, which has each customer once; the same one for the same SELECT."""
        name = self._table(select)
        self.joins[name] = Sql(f"LEFT JOIN {name} ON {name}.customer_id = c.id")
        return name

    def _table(self, select: Sql) -> str:
        """The name of the CTE of `select`; the same one for the same SELECT."""
        key = (select.text, repr(select.params))
        self._tables[key] = select
        return f"m{list(self._tables).index(key)}"


def _is_found(node: nodes.Rule) -> bool:
    """Whether those for whom a rule holds can be listed from what is counted or summed."""
    if isinstance(node, nodes.EventCount | nodes.OrderCount):
        return is_counted(node) and node.least > 0
    return isinstance(node, nodes.OrderTotal) and _has_ordered(node)


def _has_ordered(node: nodes.Rule) -> bool:
    """Whether a rule holds only for those who have ordered, and not cancelled it."""
    if isinstance(node, nodes.OrderTotal):
        least = node.value[0] if node.op == "between" else node.value
        return node.op in (">", ">=", "=", "between") and least > 0
    return isinstance(node, nodes.OrderCount) and node.least > 0


def _positive(node: nodes.Membership) -> tuple[nodes.Membership, bool]:
    """The node, or what it denies: at most n events, also none, means not n + 1 or more."""
    if isinstance(node, nodes.EventCount | nodes.OrderCount) and node.least == 0:
        return replace(node, least=(node.most or 0) + 1, most=None), False
    return node, True
