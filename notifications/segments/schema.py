"""The rule language, and what is wrong with a rule, at its place in the tree.

    {"all": [rule, …]}   {"any": [rule, …]}   {"not": rule}   {"segment": "Loyal customers"}
    {"field": "profile.last_order_at", "op": "older_than_days", "value": 60}
    {"attribute": "shoe size", "op": ">=", "value": 40}
    {"event": "purchase", "count": {">=": 2}, "within_days": 90,
     "item": {"ids": […], "category": […], "brand": […], "price": {">=": 10, "<=": 50}}}
    {"event": "purchase", "never": true, "within_days": 90}
    {"orders": "count", "op": ">=", "value": 2, "within_days": 365}   {"orders": "total", …}
    {"orders": "last", "op": "older_than_days", "value": 60}
    {"prediction": "churn", "op": ">=", "value": 0.7}   {"prediction": "purchase", "top_percent": 10}
    {"message": "ignored", "campaign": "Spring letter", "within_days": 30}
    {"coupon": "unused", "offer": "Spring"}
    {"consent": "email", "purpose": "marketing"}

Field names and their operators stand in `fields`; `docs/segments.md` says the same for marketers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from notifications.models import Segment
from notifications.segments import nodes
from notifications.segments.leaves import LEAVES, named
from notifications.segments.values import BadValueError

DEEPEST = 10
MOST_RULES = 200

KEYS = {
    "all": {"all"},
    "any": {"any"},
    "not": {"not"},
    "segment": {"segment"},
    "field": {"field", "op", "value"},
    "attribute": {"attribute", "op", "value"},
    "event": {"event", "count", "never", "within_days", "item"},
    "orders": {"orders", "op", "value", "within_days"},
    "prediction": {"prediction", "op", "value", "top_percent"},
    "message": {"message", "campaign", "within_days"},
    "coupon": {"coupon", "offer"},
    "consent": {"consent", "purpose"},
}


@dataclass(frozen=True, slots=True)
class RuleProblem:
    """One fault, and where it stands, such as `all[1].within_days`; empty for the rule as a whole."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class RuleError(ValueError):
    """A rule that cannot be used. `problems` lists all faults that were found."""

    def __init__(self, problems: list[RuleProblem]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems


def validate_rule(rule: object, *, name: str = "") -> None:
    """Check a rule before it is saved; `name` is its segment's, so that it cannot refer to itself. Raises RuleError."""
    parse_rule(rule, name=name)


def parse_rule(rule: object, *, name: str = "") -> nodes.Rule:
    """The rule as typed nodes, nested segments included. Raises RuleError with everything that is wrong."""
    parser = _Parser((name,) if name else ())
    parsed = parser.parse(rule, "")
    if parsed is None or parser.problems:
        raise RuleError(parser.problems)
    return parsed


class _Parser:
    """Walks the tree, collecting problems. `names` are the segments that led here, outermost first."""

    def __init__(self, names: tuple[str, ...], count: int = 0) -> None:
        self.problems: list[RuleProblem] = []
        self.names = names
        self.count = count

    def parse(self, rule: object, path: str, depth: int = 1) -> nodes.Rule | None:
        """The node, or None after noting what is wrong."""
        try:
            return self._node(rule, path, depth)
        except BadValueError as error:
            self.problems.append(RuleProblem(_join(path, error.key), str(error)))
            return None

    def _node(self, rule: Any, path: str, depth: int) -> nodes.Rule | None:
        self.count += 1
        if depth > DEEPEST or self.count > MOST_RULES:
            message = _("is too much: a rule may be %(depth)d levels deep and have %(count)d parts")
            raise BadValueError("", message % {"depth": DEEPEST, "count": MOST_RULES})
        kind = _kind(rule)
        if kind in ("all", "any"):
            return self._group(rule[kind], _join(path, kind), depth, nodes.All if kind == "all" else nodes.AnyOf)
        if kind == "not":
            inner = self.parse(rule["not"], _join(path, "not"), depth + 1)
            return nodes.Not(inner) if inner else None
        return self._segment(rule["segment"]) if kind == "segment" else LEAVES[kind](rule)

    def _group(
        self, rules: object, path: str, depth: int, group: type[nodes.All | nodes.AnyOf]
    ) -> nodes.All | nodes.AnyOf | None:
        if not isinstance(rules, list) or not rules:
            self.problems.append(RuleProblem(path, _("must be a list of at least one rule")))
            return None
        parsed = [self.parse(rule, f"{path}[{index}]", depth + 1) for index, rule in enumerate(rules)]
        return group(tuple(node for node in parsed if node is not None))

    def _segment(self, name: object) -> nodes.Rule:
        if name in self.names:
            way = " → ".join((*self.names, str(name)))
            raise BadValueError("segment", _("refers back to itself: %(way)s") % {"way": way})
        segment = Segment.objects.filter(name=name).first() if named(name) else None
        if segment is None:
            raise BadValueError("segment", _("there is no segment “%(name)s”") % {"name": named(name)})
        inner = _Parser((*self.names, segment.name), self.count)
        parsed = inner.parse(segment.rule, "")
        self.count = inner.count
        if parsed is None or inner.problems:
            raise BadValueError("segment", f"“{name}”: {inner.problems[0]}")
        return nodes.InSegment(segment.name, parsed)


def _kind(rule: Any) -> str:
    if not isinstance(rule, Mapping):
        raise BadValueError("", _('must be an object such as {"field": …} or {"all": […]}'))
    kinds = [kind for kind in KEYS if kind in rule]
    if len(kinds) != 1:
        raise BadValueError("", _("must have exactly one of %(kinds)s") % {"kinds": ", ".join(KEYS)})
    if unknown := sorted(str(key) for key in rule.keys() - KEYS[kinds[0]]):
        raise BadValueError(named(unknown[0]), _("is not known beside “%(kind)s”") % {"kind": kinds[0]})
    return kinds[0]


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path and key else path or key
