"""Liquid for marketers: an allow-list of tags and filters, and limits on time, loops, memory and output.

A template sees plain data only (dicts, lists, texts, numbers, times), never an object with methods. Every tag looks at
the clock before it runs, and what a single tag or filter can do is bounded, so a hostile template ends in time in any
thread, without signals.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

from django.utils.translation import gettext as _
from liquid import BoundTemplate, Environment, RenderContext
from liquid.ast import Node
from liquid.builtin.content import Literal
from liquid.builtin.illegal import Illegal
from liquid.builtin.output import Output
from liquid.builtin.tags.assign_tag import AssignTag
from liquid.builtin.tags.capture_tag import CaptureTag
from liquid.builtin.tags.case_tag import CaseTag
from liquid.builtin.tags.comment_tag import CommentTag
from liquid.builtin.tags.cycle_tag import CycleTag
from liquid.builtin.tags.for_tag import BreakTag, ContinueTag, ForNode, ForTag
from liquid.builtin.tags.if_tag import IfTag
from liquid.builtin.tags.inline_comment_tag import InlineCommentTag
from liquid.builtin.tags.unless_tag import UnlessTag
from liquid.exceptions import LiquidError, ResourceLimitError
from liquid.tag import Tag
from liquid.token import Token

from notifications.content.errors import ContentError, Problem
from notifications.content.filters import FILTERS
from notifications.content.tags import find_tags, line_at

TIME_LIMIT = 0.3  # seconds a rendering; a real mail takes a millisecond
LOOP_LIMIT = 10_000
MEMORY_LIMIT = 1_000_000  # bytes of assigned variables
OUTPUT_LIMIT = 500_000
VALUE_LIMIT = 20_000  # characters or elements that go into a filter
ARGUMENT_LIMIT = 1_000
_LARGEST_NUMBER = 10**18
_UNEXPECTED = re.compile(r"^unexpected tag '(\w+)'")
_SIZED = (str, list, tuple, dict, range)


class SandboxContext(RenderContext):
    """A render context with a deadline, whose filters take only values of sane size."""

    __slots__ = ("_deadline", "_worked")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline = time.monotonic() + TIME_LIMIT
        self._worked: float | None = None  # seconds of work of this thread when the limit began anew

    def tick(self) -> None:
        """Raise ResourceLimitError when the time is over.

        The first time it only begins anew, because a single long pause is a collection of garbage, not the template;
        and from then on our own work counts, because a busy machine is no fault of the template either. The clock of a
        thread's work is not looked at before, as it costs far more than the clock on the wall.
        """
        if time.monotonic() <= self._deadline:
            return
        worked, left = time.thread_time(), TIME_LIMIT
        if self._worked is None:
            self._worked = worked
        elif (left := TIME_LIMIT - (worked - self._worked)) <= 0:
            raise ResourceLimitError(_("It takes longer than %(limit)s s.") % {"limit": TIME_LIMIT}, token=None)
        self._deadline = time.monotonic() + left

    def filter(self, name: str, token: Token | None) -> Callable[..., object]:
        function = super().filter(name, token)

        def bounded(value: object, *args: object, **kwargs: object) -> object:
            self._check(value, *args, *kwargs.values())
            return function(value, *args, **kwargs)

        return bounded

    def apply(self, function: Callable[..., object], value: object, *args: object) -> object:
        """What `filter` does, for a filter that was looked up before."""
        self._check(value, *args)
        return function(value, *args, context=self) if hasattr(function, "with_context") else function(value, *args)

    def _check(self, value: object, *args: object) -> None:
        self.tick()
        _check_size(value, VALUE_LIMIT)
        for argument in args:
            _check_size(argument, ARGUMENT_LIMIT)


def _check_size(value: object, limit: int) -> None:
    if isinstance(value, _SIZED):
        too_large = len(value) > limit
    else:
        too_large = isinstance(value, int | float) and abs(value) > _LARGEST_NUMBER
    if too_large:
        raise ResourceLimitError(_("A value is too large for a filter."), token=None)


class SandboxTemplate(BoundTemplate):
    context_class = SandboxContext


def _ticking(tag: type[Tag]) -> type[Tag]:
    """The tag, looking at the clock each time before it runs."""
    node_class: type[Node] = tag.node_class  # type: ignore[attr-defined]

    class TickingNode(node_class):  # type: ignore[misc,valid-type]
        def render_to_output(self, context: SandboxContext, buffer: Any) -> int:
            context.tick()
            return super().render_to_output(context, buffer)

    return type(f"Ticking{tag.__name__}", (tag,), {"node_class": TickingNode})


class BoundedForNode(ForNode):
    """A `for` that refuses a long range before it builds a list of it, as `reversed` does."""

    def check_length(self, context: RenderContext) -> None:
        """Raise ResourceLimitError for a range that is too long."""
        values = self.expression.iterable.evaluate(context)
        if isinstance(values, range) and values.stop - values.start > LOOP_LIMIT:
            raise ResourceLimitError(_("A loop is too long."), token=self.token)

    def render_to_output(self, context: RenderContext, buffer: Any) -> int:
        self.check_length(context)
        return super().render_to_output(context, buffer)


class _BoundedFor(ForTag):
    node_class = BoundedForNode


_PLAIN_TAGS: tuple[type[Tag], ...] = (Literal, Illegal, BreakTag, ContinueTag, CommentTag, InlineCommentTag)
_TICKING_TAGS: tuple[type[Tag], ...] = (
    *(Output, IfTag, UnlessTag, CaseTag, _BoundedFor),
    *(AssignTag, CaptureTag, CycleTag),
)


class SandboxEnvironment(Environment):
    """Only the tags and filters below exist; there is no loader, so nothing can be included."""

    loop_iteration_limit: ClassVar[int | None] = LOOP_LIMIT
    local_namespace_limit: ClassVar[int | None] = MEMORY_LIMIT
    output_stream_limit: ClassVar[int | None] = OUTPUT_LIMIT
    template_class = SandboxTemplate

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        for tag in (*_PLAIN_TAGS, *map(_ticking, _TICKING_TAGS)):
            self.add_tag(tag)
        for name, function in FILTERS.items():
            self.add_filter(name, function)


_ENVIRONMENTS = {autoescape: SandboxEnvironment(autoescape=autoescape) for autoescape in (True, False)}


def parse_template(source: str, *, part: str, autoescape: bool) -> BoundTemplate:
    """Parse a template; with `autoescape`, values are escaped for HTML. Raises ContentError naming the line."""
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    find_tags(source, part=part)
    with naming(part, source):
        template = _ENVIRONMENTS[autoescape].from_string(source)
    for name, spans in template.analyze(include_partials=False).filters.items():
        if name not in FILTERS:  # liquid itself would find out in the first mail only
            message = _("There is no filter “%(name)s”.") % {"name": name}
            raise ContentError(Problem(part, line_at(source, spans[0].index), message))
    return template


def render_template(template: BoundTemplate, context: Mapping[str, Any], *, part: str) -> str:
    """Render it with plain data. Raises ContentError when it goes beyond a limit or computes nonsense."""
    with naming(part):
        return template.render(**context)


@contextmanager
def naming(part: str, source: str = "") -> Iterator[None]:
    """Turn whatever goes wrong inside into a ContentError of `part`."""
    try:
        yield
    except LiquidError as error:
        start = error.token.start_index if error.token else 0
        start = len(source) if start < 0 else start  # the end came too early
        raise ContentError(Problem(part, line_at(source, start), _in_words(error))) from error
    except (ArithmeticError, RecursionError, MemoryError, TypeError, ValueError) as error:
        raise ContentError(Problem(part, 1, _("It computes something impossible (%s).") % error)) from error


def _in_words(error: LiquidError) -> str:
    """What went wrong, in the reader's language as far as that is ours to say."""
    told = str(error.args[0]) if error.args else ""
    if unknown := _UNEXPECTED.search(told):
        return _("The tag “%(tag)s” is not supported.") % {"tag": unknown[1]}
    if not told:
        return _("It cannot be understood.")
    if isinstance(error, ResourceLimitError):
        return told
    return _("It cannot be understood: %(error)s") % {"error": told}
