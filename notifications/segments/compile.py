"""A rule as one SELECT with bound parameters.

Events become semi-joins and anti-joins of grouped subqueries: PostgreSQL then reads the index (type, occurred_at) once
instead of visiting each customer.
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import singledispatchmethod
from typing import Any

from django.utils import timezone

from notifications.choices import CouponStatus, RedemptionState
from notifications.segments import nodes
from notifications.segments.fields import Kind
from notifications.segments.schema import parse_rule

_SELECT = "SELECT c.id AS customer_id FROM users_customer c"
_PROFILE = " LEFT JOIN users_profile p ON p.customer_id = c.id"
_PRESENT = " WHERE c.erased_at IS NULL AND c.merged_into_id IS NULL AND "
_PYTHON: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_CATEGORIES = (
    "WITH RECURSIVE wanted AS (SELECT id FROM catalog_category WHERE external_id = ANY(%s)"
    " UNION SELECT below.id FROM catalog_category below JOIN wanted ON below.parent_id = wanted.id)"
    " SELECT id FROM wanted"
)


@dataclass(frozen=True, slots=True)
class CompiledSegment:
    """A SELECT of `customer_id`, each at most once, with its positional parameters."""

    sql: str
    params: tuple[Any, ...]


def compile_rule(rule: object, *, now: datetime | None = None) -> CompiledSegment:
    """Compile a rule; windows of days end at `now`. Erased and merged customers never match. Raises RuleError."""
    compiler = _Compiler(now or timezone.now())
    condition = compiler.condition(parse_rule(rule))
    profile = _PROFILE if compiler.needs_profile else ""
    return CompiledSegment(f"{_SELECT}{profile}{_PRESENT}{condition}", tuple(compiler.params))


class _Compiler:
    """Turns nodes into conditions over `c` and `p`, collecting the parameters in the order of their places.

    A condition may be NULL where data is missing, which selects nobody; `not` therefore asks IS NOT TRUE.
    """

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.params: list[Any] = []
        self.needs_profile = False

    def _bind(self, value: Any) -> str:
        self.params.append(list(value) if isinstance(value, tuple) else value)
        return "%s"

    @singledispatchmethod
    def condition(self, node: Any) -> str:
        raise TypeError(f"no SQL for {type(node).__name__}")

    @condition.register
    def _(self, node: nodes.All) -> str:
        return "(" + " AND ".join(self.condition(rule) for rule in node.rules) + ")"

    @condition.register
    def _(self, node: nodes.AnyOf) -> str:
        return "(" + " OR ".join(self.condition(rule) for rule in node.rules) + ")"

    @condition.register
    def _(self, node: nodes.Not) -> str:
        inner = self.condition(node.rule)
        if isinstance(node.rule, nodes.EventCount | nodes.HasConsent | nodes.HasCoupon):
            return f"NOT {inner}"  # never NULL, and planned as an anti-join
        return f"({inner}) IS NOT TRUE"

    @condition.register
    def _(self, node: nodes.InSegment) -> str:
        return self.condition(node.rule)

    @condition.register
    def _(self, node: nodes.FieldTest) -> str:
        column, op, value = node.field.column, node.op, node.value
        self.needs_profile |= column.startswith("p.")
        if node.field.kind == Kind.TEXT:
            return self._text_test(column, op, value)
        if op in ("is_set", "is_not_set"):
            return f"{column} {'IS NOT NULL' if op == 'is_set' else 'IS NULL'}"
        if node.field.kind == Kind.NUMBER:
            return self._number_test(node)
        if op in ("older_than_days", "within_days"):
            value = self.now - timedelta(days=value)
        return f"{column} {'<' if op in ('before', 'older_than_days') else '>='} {self._bind(value)}"

    def _text_test(self, column: str, op: str, value: Any) -> str:
        if op in ("is_set", "is_not_set"):
            return f"coalesce({column}, '') {'<>' if op == 'is_set' else '='} ''"
        if op in ("in", "not_in"):
            test = f"{column} = ANY({self._bind(value)})"
            return test if op == "in" else f"({test}) IS NOT TRUE"
        return f"{column} {'=' if op == '=' else 'IS DISTINCT FROM'} {self._bind(value)}"

    def _number_test(self, node: nodes.FieldTest) -> str:
        low, high = node.value if node.op == "between" else (node.value, node.value)
        holds_for_zero = low <= 0 <= high if node.op == "between" else _PYTHON[node.op](0, low)
        # Only where 0 matches must a missing profile match too; else the index on the column can be used.
        counts_as_zero = not node.field.nullable and holds_for_zero
        column = f"coalesce({node.field.column}, 0)" if counts_as_zero else node.field.column
        if node.op == "between":
            return f"{column} BETWEEN {self._bind(low)} AND {self._bind(high)}"
        return f"{column} {node.op} {self._bind(low)}"

    @condition.register
    def _(self, node: nodes.EventCount) -> str:
        if node.least == 0:  # also customers without any such event
            return f"NOT {self._events(node, least=(node.most or 0) + 1, most=None)}"
        return self._events(node, least=node.least, most=node.most)

    def _events(self, node: nodes.EventCount, *, least: int, most: int | None) -> str:
        where = f"e.type = {self._bind(int(node.type))}"
        if node.days is not None:
            where += f" AND e.occurred_at >= {self._bind(self.now - timedelta(days=node.days))}"
        where += self._items(node)
        if least == 1 and most is None:
            return f"EXISTS (SELECT 1 FROM users_event e WHERE e.customer_id = c.id AND {where})"
        having = f"count(*) >= {self._bind(least)}"
        if most is not None:
            having += f" AND count(*) <= {self._bind(most)}"
        grouped = f"SELECT e.customer_id FROM users_event e WHERE {where} GROUP BY e.customer_id HAVING {having}"
        return f"EXISTS (SELECT 1 FROM ({grouped}) counted WHERE counted.customer_id = c.id)"

    def _items(self, node: nodes.EventCount) -> str:
        tests = []
        if node.items:
            tests.append(f"i.external_id = ANY({self._bind(node.items)})")
        if node.categories:
            self._bind(node.categories)
            tests.append(f"i.category_id IN ({_CATEGORIES})")
        if node.brands:
            tests.append(f"i.brand = ANY({self._bind(node.brands)})")
        return f" AND e.item_id IN (SELECT i.id FROM catalog_item i WHERE {' AND '.join(tests)})" if tests else ""

    @condition.register
    def _(self, node: nodes.HasConsent) -> str:
        newest = (
            "SELECT DISTINCT ON (k.customer_id) k.customer_id, k.granted FROM users_consent k"
            f" WHERE k.channel = {self._bind(node.channel)} AND k.purpose = {self._bind(node.purpose)}"
            " ORDER BY k.customer_id, k.recorded_at DESC, k.id DESC"
        )
        return f"EXISTS (SELECT 1 FROM ({newest}) newest WHERE newest.customer_id = c.id AND newest.granted)"

    @condition.register
    def _(self, node: nodes.HasCoupon) -> str:
        where = "k.customer_id = c.id"
        if node.state == "unused":
            where += (
                f" AND k.status = {self._bind(CouponStatus.ISSUED)} AND k.uses < k.max_uses"
                f" AND k.valid_from <= {self._bind(self.now)} AND k.valid_until > {self._bind(self.now)}"
            )
        else:
            where += (
                " AND EXISTS (SELECT 1 FROM notifications_redemption r"
                f" WHERE r.coupon_id = k.id AND r.state = {self._bind(RedemptionState.COMMITTED)})"
            )
        if node.offer:
            offer = f"SELECT o.id FROM notifications_offer o WHERE o.name = {self._bind(node.offer)}"
            where += f" AND k.offer_id = ({offer})"
        return f"EXISTS (SELECT 1 FROM notifications_coupon k WHERE {where})"
