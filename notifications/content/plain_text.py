"""The plain-text part of a mail, made from its HTML template once, so that a mail costs one more Liquid rendering."""

import re
from html.parser import HTMLParser

from notifications.content.inlining import PLACEHOLDER, protect_tags, restore_tags
from notifications.content.tags import LiquidTag

_PARAGRAPHS = frozenset({"h1", "h2", "h3", "h4", "p", "table"})
_BLOCKS = _PARAGRAPHS | {"address", "blockquote", "div", "hr", "li", "ol", "tr", "ul"}
_UNREAD = frozenset({"head", "style", "script", "title"})
_VOID = frozenset({"area", "br", "col", "hr", "img", "input", "link", "meta", "wbr"})
_HIDDEN = re.compile(r"display\s*:\s*none", re.IGNORECASE)


def text_template(html: str) -> str:
    """The Liquid template of the plain text: blocks on lines of their own, links as `text: address`.

    What is decoration or hidden is left out: `aria-hidden`, `display: none`, pictures, comments.
    """
    protected, tags = protect_tags(html)
    reader = _Reader(tags)
    reader.feed(protected)
    reader.close()
    return restore_tags("".join(reader.pieces), tags)


def tidy_text(text: str) -> str:
    """Rendered text without the spaces and empty lines that its template left behind."""
    lines = (" ".join(line.split()) for line in text.splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


class _Reader(HTMLParser):
    """Collects text, line breaks, links and placeholders."""

    def __init__(self, tags: list[LiquidTag]) -> None:
        super().__init__(convert_charrefs=True)
        self._tags = tags
        self.pieces: list[str] = []
        self._skipped: list[str] = []  # open elements from the outermost unread one inwards
        self._link = ""
        self._link_start = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        unread = tag in _UNREAD or values.get("aria-hidden") == "true" or _HIDDEN.search(values.get("style") or "")
        if (self._skipped or unread) and tag not in _VOID:
            self._skipped.append(tag)
        elif not self._skipped:
            self._open(tag, values)

    def _open(self, tag: str, values: dict[str, str | None]) -> None:
        if tag == "br" or tag in _BLOCKS:
            self.pieces.append("\n")
        elif tag == "td":
            self.pieces.append(" ")
        elif tag == "a":
            self._link, self._link_start = values.get("href") or "", len(self.pieces)

    def handle_endtag(self, tag: str) -> None:
        if self._skipped:
            # An unclosed element inside ends with the one around it.
            if tag in self._skipped:
                del self._skipped[len(self._skipped) - 1 - self._skipped[::-1].index(tag) :]
        elif tag == "a":
            label = "".join(self.pieces[self._link_start :]).strip()
            if self._link and label:
                self.pieces[self._link_start :] = [f"{label}: {self._link}"]
            self._link = ""
        elif tag in _BLOCKS:
            self.pieces.append("\n\n" if tag in _PARAGRAPHS else "\n")

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            self.pieces.append(re.sub(r"\s+", " ", data))

    def handle_comment(self, data: str) -> None:
        # Of what is hidden the conditionals and loops stay, so that none of them is left open.
        placeholder = PLACEHOLDER.fullmatch(data)
        if placeholder and (not self._skipped or self._tags[int(placeholder.group(2))].text.startswith("{%")):
            self.pieces.append(data)
