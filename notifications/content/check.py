"""The variables that a template can use, and which of those it uses do not exist."""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from django.utils.translation import gettext as _
from liquid import BoundTemplate, RenderContext
from liquid.ast import Node
from liquid.builtin.expressions import Path
from liquid.builtin.tags.for_tag import ForNode
from liquid.expression import Expression

from notifications.content.errors import ContentError, Problem
from notifications.content.sandbox import parse_template
from notifications.content.tags import line_at

# The shape of the context: dicts have keys, lists one kind of element, None is a plain value. `coupon` is nil in a
# campaign without an offer; `reason` says why an item is recommended, or is empty; money is Decimal, times are
# aware. `trigger` is what let the customer enter, such as the cart; `was` is the price before it dropped. Of
# `points.balance`, `points.expiring` expire at `points.expires_at`. A `customer.time_zone` is used where the context
# has one, to name the day of a moment.
CONTEXT: dict[str, Any] = {
    "customer": dict.fromkeys(["first_name", "language", "country"]),
    "shop": dict.fromkeys(["name", "url", "address", "currency"]),
    "items": [dict.fromkeys(["title", "price", "currency", "url", "image_url", "reason"])],
    "trigger": {
        "items": [dict.fromkeys(["title", "price", "currency", "url", "image_url", "reason", "quantity", "was"])],
        "coupon": dict.fromkeys(["code", "description", "minimum_spend", "value", "currency", "valid_until"]),
    },
    "coupon": dict.fromkeys(["code", "description", "minimum_spend", "value", "currency", "valid_until"]),
    "points": dict.fromkeys(["balance", "expiring", "expires_at", "tier"]),
    "links": dict.fromkeys(["preferences", "unsubscribe"]),
    "campaign": dict.fromkeys(["name"]),
}
_LOOP = dict.fromkeys(["index", "index0", "rindex", "rindex0", "first", "last", "length", "name"])
_ANYTHING = object()
_UNKNOWN = object()

Scope = dict[str, Any]


def check_content(*, subject: str, html: str, preview_text: str = "") -> list[Problem]:
    """Everything that is wrong with a variant: what cannot be parsed, and variables that will always be empty."""
    problems: list[Problem] = []
    for part, source in (("subject", subject), ("preview_text", preview_text), ("html", html)):
        try:
            template = parse_template(source, part=part, autoescape=True)
        except ContentError as error:
            problems.append(error.problem)
        else:
            problems += [
                Problem(part, line_at(source, path.token.start_index), _message(path))
                for path in _unknown_paths(template)
            ]
    return problems


def _message(path: Path) -> str:
    message = _("There is no variable “%(name)s”.") % {"name": path}
    if close := get_close_matches(str(path), _names(CONTEXT), n=1, cutoff=0.7):
        message += " " + _("Did you mean “%(name)s”?") % {"name": close[0]}
    return message


def _names(shape: Any, prefix: str = "") -> Iterator[str]:
    for name, inner in shape.items():
        yield f"{prefix}{name}"
        if isinstance(inner, dict):
            yield from _names(inner, f"{prefix}{name}.")
        elif isinstance(inner, list):
            yield from _names(inner[0], "item.")


def _unknown_paths(template: BoundTemplate) -> Iterator[Path]:
    scope: Scope = dict(CONTEXT)
    context = RenderContext(template)
    for node in template.nodes:
        yield from _visit(node, scope, context)


def _visit(node: Node, scope: Scope, context: RenderContext) -> Iterator[Path]:
    """Walk in the order of reading; `assign` and `capture` add to the scope, a block's own names end with it."""
    for expression in node.expressions():
        yield from _visit_expression(expression, scope)
    scope.update((str(name), _ANYTHING) for name in node.template_scope())
    inner = scope
    if isinstance(node, ForNode):
        elements = _shape_of(node.expression.iterable, scope)
        element = elements[0] if isinstance(elements, list) else _ANYTHING
        loop = {**_LOOP, "parentloop": scope.get("forloop", _ANYTHING)}
        inner = {**scope, node.expression.identifier: element, "forloop": loop}
    for child in node.children(context, include_partials=False):
        yield from _visit(child, inner, context)


def _visit_expression(expression: Expression, scope: Scope) -> Iterator[Path]:
    if isinstance(expression, Path) and _shape_of(expression, scope) is _UNKNOWN:
        yield expression
    for child in expression.children():
        yield from _visit_expression(child, scope)


def _shape_of(expression: Expression, scope: Scope) -> Any:
    if not isinstance(expression, Path):
        return _ANYTHING
    head, *rest = expression.path
    shape = scope.get(head, _UNKNOWN) if isinstance(head, str) else _UNKNOWN
    for segment in rest:
        shape = _step(shape, segment)
    return shape


def _step(shape: Any, segment: object) -> Any:
    if shape is _ANYTHING or shape is _UNKNOWN:
        return shape
    if segment == "size":
        return None
    if isinstance(shape, list):
        return shape[0] if segment in ("first", "last") or not isinstance(segment, str) else _UNKNOWN
    if isinstance(shape, dict):
        return shape.get(segment, _UNKNOWN) if isinstance(segment, str) else _ANYTHING
    return _UNKNOWN
