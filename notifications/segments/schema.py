"""The rule language, and what is wrong with a rule, at its place in the tree.

    {"all": [rule, …]}   {"any": [rule, …]}   {"not": rule}
    {"field": "profile.last_order_at", "op": "older_than_days", "value": 60}
    {"event": "purchase", "count": {">=": 2}, "within_days": 90,
     "item": {"ids": […], "category": […], "brand": […]}}
    {"event": "purchase", "never": true, "within_days": 90}
    {"consent": "email", "purpose": "marketing"}
    {"coupon": "unused", "offer": "Spring"}
    {"segment": "Loyal customers"}

Field names and their operators stand in `fields`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from notifications.models import Offer, Segment
from notifications.segments import nodes
from notifications.segments.fields import FIELDS, OPERATORS, WITHOUT_VALUE
from notifications.segments.values import (
    LONGEST_LIST,
    BadValueError,
    check_days,
    check_texts,
    check_value,
    count_bounds,
)
from users.choices import Channel, ConsentPurpose, EventType

DEEPEST = 10
MOST_RULES = 200

_KEYS = {
    "all": {"all"},
    "any": {"any"},
    "not": {"not"},
    "field": {"field", "op", "value"},
    "event": {"event", "count", "never", "within_days", "item"},
    "consent": {"consent", "purpose"},
    "coupon": {"coupon", "offer"},
    "segment": {"segment"},
}
_ITEM_KEYS = ("ids", "category", "brand")


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
        return self._segment(rule["segment"]) if kind == "segment" else _LEAVES[kind](rule)

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
        segment = Segment.objects.filter(name=name).first() if isinstance(name, str) else None
        if segment is None:
            raise BadValueError("segment", _("there is no segment “%(name)s”") % {"name": name})
        inner = _Parser((*self.names, segment.name), self.count)
        parsed = inner.parse(segment.rule, "")
        self.count = inner.count
        if parsed is None or inner.problems:
            raise BadValueError("segment", f"“{name}”: {inner.problems[0]}")
        return nodes.InSegment(segment.name, parsed)


def _kind(rule: Any) -> str:
    if not isinstance(rule, Mapping):
        raise BadValueError("", _('must be an object such as {"field": …} or {"all": […]}'))
    kinds = [kind for kind in _KEYS if kind in rule]
    if len(kinds) != 1:
        raise BadValueError("", _("must have exactly one of %(kinds)s") % {"kinds": ", ".join(_KEYS)})
    if unknown := sorted(str(key) for key in rule.keys() - _KEYS[kinds[0]]):
        raise BadValueError(unknown[0], _("is not known beside “%(kind)s”") % {"kind": kinds[0]})
    return kinds[0]


def _field(rule: Mapping[str, Any]) -> nodes.Rule:
    field = _choose("field", rule["field"], FIELDS)
    op = _choose("op", rule.get("op"), {op: op for op in OPERATORS[field.kind]})
    if op not in WITHOUT_VALUE:
        return nodes.FieldTest(field, op, check_value(field.kind, op, rule.get("value")))
    if "value" in rule:
        raise BadValueError("value", _("has no meaning with “%(op)s”; leave it out") % {"op": op})
    return nodes.FieldTest(field, op, None)


def _event(rule: Mapping[str, Any]) -> nodes.Rule:
    kind = _choose("event", rule["event"], {kind.code: kind for kind in EventType})
    if "never" in rule and (rule["never"] is not True or "count" in rule):
        raise BadValueError("never", _("must be true, without “count”"))
    least, most = (0, 0) if "never" in rule else count_bounds(rule.get("count", {">=": 1}))
    days = check_days("within_days", rule["within_days"]) if "within_days" in rule else None
    item = rule.get("item")
    if "item" in rule and (not isinstance(item, Mapping) or not item or item.keys() - set(_ITEM_KEYS)):
        raise BadValueError("item", _("must be an object with %(keys)s") % {"keys": ", ".join(_ITEM_KEYS)})
    ids, categories, brands = (
        check_texts(f"item.{key}", item[key], LONGEST_LIST) if item and key in item else () for key in _ITEM_KEYS
    )
    return nodes.EventCount(kind, least, most, days, ids, categories, brands)


def _consent(rule: Mapping[str, Any]) -> nodes.Rule:
    channel = _choose("consent", rule["consent"], {value: value for value in Channel.values})
    purpose = rule.get("purpose", ConsentPurpose.MARKETING)
    return nodes.HasConsent(channel, _choose("purpose", purpose, {value: value for value in ConsentPurpose.values}))


def _coupon(rule: Mapping[str, Any]) -> nodes.Rule:
    state = _choose("coupon", rule["coupon"], {"unused": "unused", "redeemed": "redeemed"})
    offer = rule.get("offer", "")
    if "offer" in rule and not (isinstance(offer, str) and Offer.objects.filter(name=offer).exists()):
        raise BadValueError("offer", _("there is no offer “%(name)s”") % {"name": offer})
    return nodes.HasCoupon(state, offer)


_LEAVES = {"field": _field, "event": _event, "consent": _consent, "coupon": _coupon}


def _choose(key: str, value: object, known: Mapping[str, Any]) -> Any:
    if not isinstance(value, str) or value not in known:
        raise BadValueError(key, _("must be one of %(known)s") % {"known": ", ".join(known)})
    return known[value]


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path and key else path or key
