"""Where the Liquid tags of a template stand, found in one linear pass.

python-liquid's own scanner backtracks: thousands of unclosed `{{` or `{% raw %}` keep it busy for minutes. Whatever
passes here, it reads in linear time.
"""

import re
from dataclasses import dataclass

from django.utils.translation import gettext as _

from notifications.content.errors import ContentError, Problem

SOURCE_LIMIT = 200_000  # characters; Gmail clips a mail at 102 kB
TAG_LIMIT = 2_000
TAG_COUNT_LIMIT = 5_000

_OPEN = re.compile(r"\{[{%]")
_CLOSE = {"{{": "}}", "{%": "%}"}
_UNSUPPORTED = re.compile(r"\{%-?\s*(raw|doc)\b")  # the scanner knows them whatever the allow-list says


@dataclass(frozen=True, slots=True)
class LiquidTag:
    """`{{ … }}` or `{% … %}` at `source[start:end]`."""

    start: int
    end: int
    text: str


def line_at(source: str, position: int) -> int:
    """Line number of a position, counted from 1."""
    return source.count("\n", 0, position) + 1


def find_tags(source: str, *, part: str) -> list[LiquidTag]:
    """All Liquid tags, in order. Raises ContentError on an unclosed, overlong or one too many tag, or a huge source."""
    if len(source) > SOURCE_LIMIT:
        raise ContentError(
            Problem(part, 1, _("The template has more than %(limit)d characters.") % {"limit": SOURCE_LIMIT})
        )
    tags: list[LiquidTag] = []
    position = 0
    while opening := _OPEN.search(source, position):
        start = opening.start()
        end = source.find(_CLOSE[opening.group()], start, start + TAG_LIMIT)
        if end < 0 or len(tags) == TAG_COUNT_LIMIT:
            message = _("There are too many tags.") if end >= 0 else _("This tag is not closed, or far too long.")
            raise ContentError(Problem(part, line_at(source, start), message))
        position = end + 2
        if unsupported := _UNSUPPORTED.match(source, start):
            message = _("The tag “%(tag)s” is not supported.") % {"tag": unsupported.group(1)}
            raise ContentError(Problem(part, line_at(source, start), message))
        tags.append(LiquidTag(start, position, source[start:position]))
    return tags
