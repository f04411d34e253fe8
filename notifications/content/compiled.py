"""Sandboxed Liquid made fast: a template is taken apart once, and each mail is a list of pieces of text.

python-liquid stays the parser and the authority. What makes up nearly all of a mail (text, variables, filters, `if`,
`unless`, `for`, `cycle`) is turned into closures over the same render context; every other node and expression, and
every value that is not plain, is left to python-liquid itself. Text that is common to all mails is the same object in
each of them, so whoever encodes the pieces can remember what became of it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from liquid import BoundTemplate
from liquid.ast import BlockNode, Node
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions import (
    BooleanExpression,
    FilteredExpression,
    KeywordArgument,
    Path,
    StringLiteral,
)
from liquid.builtin.expressions.filtered import Filter
from liquid.builtin.expressions.logical import (
    LogicalAndExpression,
    LogicalNotExpression,
    LogicalOrExpression,
    is_truthy,
)
from liquid.builtin.output import OutputNode
from liquid.builtin.tags.cycle_tag import CycleNode
from liquid.builtin.tags.for_tag import ForLoop
from liquid.builtin.tags.if_tag import IfNode
from liquid.builtin.tags.unless_tag import UnlessNode
from liquid.exceptions import (
    BreakLoop,
    ContinueLoop,
    LiquidError,
    LiquidInterrupt,
    LiquidSyntaxError,
    OutputStreamLimitError,
)
from liquid.expression import Expression
from liquid.stringify import to_liquid_string
from markupsafe import escape

from notifications.content.filters import FILTERS
from notifications.content.sandbox import OUTPUT_LIMIT, BoundedForNode, SandboxContext, naming

_MARKED = re.compile("[&<>\"']").search  # what is escaped in HTML
_TRUE = frozenset({str, dict, list, int})  # whatever they hold, Liquid takes them for true
_SPECIAL = frozenset({"size", "first", "last"})  # segments of a path that mean more than a key


class Pieces(list[str]):
    """The output so far; `write` is all that python-liquid's own nodes need of it."""

    __slots__ = ("size",)

    def __init__(self) -> None:
        super().__init__()
        self.size = 0

    def write(self, text: str) -> int:
        """Append `text`. Raises OutputStreamLimitError when there is too much."""
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        if text:
            self.append(text)
            self.size += len(text)
        if self.size > OUTPUT_LIMIT:
            raise OutputStreamLimitError("output stream limit reached", token=None)
        return len(text)


Step = Callable[[SandboxContext, Pieces], object]
Value = Callable[[SandboxContext], object]


class CompiledTemplate:
    """A parsed template, ready to be rendered any number of times."""

    def __init__(self, template: BoundTemplate) -> None:
        self._template = template
        self._steps = [(_step(nodes), nodes[0].token) for nodes in _runs(template.nodes)]

    def render(self, data: Mapping[str, Any]) -> Pieces:
        """What python-liquid renders, in pieces. Raises LiquidError."""
        context, pieces = SandboxContext(self._template, globals=data), Pieces()
        context.scope.push({})  # as python-liquid does, which counts how deep loops are nested
        for step, token in self._steps:
            try:
                step(context, pieces)
            except LiquidInterrupt as error:
                self._template.env.error(LiquidSyntaxError(f"unexpected '{error}'", token=token))
            except LiquidError as error:
                self._template.env.error(error, token=token)
        if 4 * pieces.size > OUTPUT_LIMIT and sum(len(piece.encode()) for piece in pieces) > OUTPUT_LIMIT:
            raise OutputStreamLimitError("output stream limit reached", token=None)
        return pieces


def render_pieces(template: CompiledTemplate, data: Mapping[str, Any], *, part: str) -> Pieces:
    """Render it with plain data. Raises ContentError when it goes beyond a limit or computes nonsense."""
    with naming(part):
        return template.render(data)


def _runs(nodes: Sequence[Node]) -> list[list[Node]]:
    """Neighbouring texts together, every other node by itself."""
    runs: list[list[Node]] = []
    for node in nodes:
        if runs and isinstance(node, ContentNode) and isinstance(runs[-1][0], ContentNode):
            runs[-1].append(node)
        else:
            runs.append([node])
    return runs


def _step(nodes: list[Node]) -> Step:
    node = nodes[0]
    if isinstance(node, ContentNode):
        return _text("".join(str(each) for each in nodes))
    for kind, make in _STEPS.items():
        if isinstance(node, kind):
            return make(node)
    return cast(Step, node.render)


def _text(text: str) -> Step:
    length = len(text)

    def step(_: SandboxContext, pieces: Pieces) -> None:
        pieces.append(text)
        pieces.size += length

    return step


def _block(block: BlockNode) -> Step:
    steps = [_step(nodes) for nodes in _runs(block.nodes)]

    def step(context: SandboxContext, pieces: Pieces) -> None:
        for each in steps:
            each(context, pieces)

    def unheard(context: SandboxContext, _: Pieces) -> None:
        step(context, Pieces())  # Liquid drops the white space of a block that says nothing

    return unheard if block.blank else step


def _output(node: OutputNode) -> Step:
    value = _value(node.expression)

    def step(context: SandboxContext, pieces: Pieces) -> None:
        found = value(context)
        if type(found) is str:
            if context.autoescape and _MARKED(found):
                found = str(escape(found))
            pieces.write(found)
        elif found is not None:
            pieces.write(to_liquid_string(found, context.autoescape))

    return step


def _condition(node: IfNode | UnlessNode) -> Step:
    """`if` with its `elsif`s, and `unless`, whose own condition is turned round."""
    first = _truth(node.condition)
    expected = not isinstance(node, UnlessNode)
    then = _block(node.consequence)
    alternatives = [(_truth(each.expression), _block(each.block)) for each in node.alternatives]
    otherwise = _block(node.default) if node.default else None

    def step(context: SandboxContext, pieces: Pieces) -> None:
        if first(context) is expected:
            then(context, pieces)
            return
        for truth, block in alternatives:
            if truth(context):
                block(context, pieces)
                return
        if otherwise:
            otherwise(context, pieces)

    return step


def _loop(node: BoundedForNode) -> Step:
    expression, name, block = node.expression, str(node.expression.identifier), _block(node.block)
    title = f"{name}-{expression.iterable}"
    otherwise = _block(node.default) if node.default else None

    def step(context: SandboxContext, pieces: Pieces) -> None:
        node.check_length(context)
        found, length = expression.evaluate(context)
        if not length:
            if otherwise:
                otherwise(context, pieces)
            return
        loop = ForLoop(name=title, it=found, length=length, parentloop=context.parentloop())
        namespace = {"forloop": loop, name: None}
        with context.loop(namespace, loop):
            for item in loop:
                namespace[name] = item
                context.tick()
                pieces.write("")  # texts are not measured one by one
                try:
                    block(context, pieces)
                except ContinueLoop:
                    continue
                except BreakLoop:
                    break

    return step


def _cycle(node: CycleNode) -> Step:
    """Only of plain texts without a group's name; anything else is left to python-liquid."""
    if node.group or not all(isinstance(each, StringLiteral) for each in node.args):
        return cast(Step, node.render)
    texts = [each.value for each in node.args if isinstance(each, StringLiteral)]
    keys: dict[bool, str] = {}

    def step(context: SandboxContext, pieces: Pieces) -> None:
        key = keys.get(context.autoescape)
        if key is None:  # under which python-liquid counts as well
            key = keys[context.autoescape] = str([each.evaluate(context) for each in node.args])
        pieces.write(texts[context.cycle(key, len(texts))])

    return step


_STEPS: dict[type[Node], Callable[[Any], Step]] = {
    OutputNode: _output,
    IfNode: _condition,
    UnlessNode: _condition,
    BoundedForNode: _loop,
    CycleNode: _cycle,
}


def _value(expression: Expression) -> Value:
    if isinstance(expression, Path):
        return _path(expression)
    if isinstance(expression, FilteredExpression):
        left = _value(expression.left)
        for each in expression.filters or ():
            left = _filter(each, left)
        return left
    return expression.evaluate


def _path(path: Path) -> Value:
    """A path of plain keys through dicts; whatever is missing or unusual is left to python-liquid."""
    root, *keys = path.path
    # `size` may end a path, as `items.size` does.
    if not isinstance(root, str) or not all(isinstance(key, str) for key in keys) or _SPECIAL.intersection(keys[:-1]):
        return path.evaluate
    if keys and keys[-1] in ("first", "last"):
        return path.evaluate

    def value(context: SandboxContext) -> object:
        for namespace in context.scope._maps:
            if root in namespace:
                found = namespace[root]
                break
        else:
            return path.evaluate(context)
        for key in keys:
            if type(found) is dict and key in found:
                found = found[key]
            elif key == "size" and type(found) is list:
                found = len(found)
            else:
                return path.evaluate(context)
        return found

    return value


def _filter(call: Filter, left: Value) -> Value:
    arguments = [_value(each.value) for each in call.args if not isinstance(each, KeywordArgument)]
    if len(arguments) < len(call.args):
        return lambda context: call.evaluate(left(context), context)
    function = FILTERS[call.name]

    def value(context: SandboxContext) -> object:
        found = left(context)
        try:
            return context.apply(function, found, *[argument(context) for argument in arguments])
        except Exception:
            return call.evaluate(found, context)  # filters have no effects: python-liquid fails as it always does

    return value


def _truth(expression: Expression) -> Callable[[SandboxContext], bool]:
    if isinstance(expression, BooleanExpression):
        return _truth(expression.expression)
    if isinstance(expression, LogicalNotExpression):
        inner = _truth(expression.right)
        return lambda context: not inner(context)
    if isinstance(expression, LogicalAndExpression):
        left, right = _truth(expression.left), _truth(expression.right)
        return lambda context: left(context) and right(context)
    if isinstance(expression, LogicalOrExpression):
        left, right = _truth(expression.left), _truth(expression.right)
        return lambda context: left(context) or right(context)
    value = _value(expression)

    def truth(context: SandboxContext) -> bool:
        found = value(context)
        if found is None or found is False:
            return False
        return found.__class__ in _TRUE or is_truthy(found)

    return truth
