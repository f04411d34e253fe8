"""CSS moved into `style` attributes, because several mail clients drop `<style>`; Liquid tags come through unharmed.

An HTML parser would move a `{% for %}` that stands between table rows out of the table, and escape the quotes of a
filter. So each tag is put aside first: as a comment between elements, where any parser keeps its place, and as a plain
word inside a tag, a comment or a raw-text element.
"""

import re
from functools import cache
from itertools import pairwise

import css_inline

from notifications.content.tags import LiquidTag, find_tags

# A place in the source is inside one of these, or in text. The quotes let `>` stand in an attribute's value.
_MARKUP = re.compile(
    r"<!--.*?(?:-->|\Z)"
    r"|<(?P<raw>style|title|textarea|script)\b.*?(?:</(?P=raw)\s*>|\Z)"
    r"|</?[a-z!](?:[^>\"']|\"[^\"]*(?:\"|\Z)|'[^']*(?:'|\Z))*(?:>|\Z)",
    re.DOTALL | re.IGNORECASE,
)
# Private-use characters: no mail holds them, and every parser takes them for letters.
_WORD = "\ue000{}\ue001"
_PRIVATE = str.maketrans({"\ue000": None, "\ue001": None})
PLACEHOLDER = re.compile(r'<!--\ue000(\d+)\ue001-->|\ue000(\d+)\ue001(?:="")?')


@cache
def _inliner() -> css_inline.CSSInliner:
    # Media queries cannot be inlined; they stay in <style> for dark mode and phones.
    return css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)


def inline_css(html: str) -> str:
    """`html`, a Liquid template, with its CSS inlined. Raises ContentError on tags that cannot be told apart."""
    protected, tags = protect_tags(html)
    inlined = _inliner().inline(protected)
    if "<tbody" not in html.lower():
        # The parser adds it inside a loop over rows, where it would be opened once a row.
        inlined = inlined.replace("<tbody>", "").replace("</tbody>", "")
    return restore_tags(inlined, tags)


def protect_tags(html: str) -> tuple[str, list[LiquidTag]]:
    """`html` with every Liquid tag replaced by a placeholder that an HTML parser leaves where it is, and the tags."""
    html = html.translate(_PRIVATE)
    tags = find_tags(html, part="html")
    edges = [0, *(edge for tag in tags for edge in (tag.start, tag.end)), len(html)]
    texts = [html[start:end] for start, end in pairwise(edges)][::2]
    bare = texts[0] + "".join(_WORD.format(number) + text for number, text in enumerate(texts[1:]))
    pieces, position = [], 0
    for markup in _MARKUP.finditer(bare):
        pieces += [_as_comments(bare[position : markup.start()]), markup.group()]
        position = markup.end()
    return "".join([*pieces, _as_comments(bare[position:])]), tags


def restore_tags(html: str, tags: list[LiquidTag]) -> str:
    """Put the Liquid tags back in place of the placeholders."""
    return PLACEHOLDER.sub(lambda match: tags[int(match.group(1) or match.group(2))].text, html)


def _as_comments(text: str) -> str:
    return PLACEHOLDER.sub(lambda match: f"<!--{match.group()}-->", text)
