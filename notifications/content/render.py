"""Mails from templates: everything that is common to a run is done once in `compile_content`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from notifications.content.compiled import CompiledTemplate, Pieces, render_pieces
from notifications.content.inlining import inline_css
from notifications.content.plain_text import text_template, tidy_text
from notifications.content.sandbox import parse_template
from notifications.content.starter import starter_template

__all__ = ["CompiledContent", "RenderedContent", "compile_content", "starter_template"]

# Clients show the text that follows the preview; these invisible characters push it out of sight.
_PADDING = "&#847;&zwnj;&nbsp;" * 60
_PREVIEW = '<div style="display:none;max-height:0;overflow:hidden;mso-hide:all">{preview}{padding}</div>'
_NOT_FINAL = (str, dict, list, tuple)
_BODY = re.compile(r"<body\b[^>]*>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RenderedContent:
    """One mail for one customer."""

    subject: str
    html_pieces: tuple[str, ...]
    text: str

    @property
    def html(self) -> str:
        return "".join(self.html_pieces)


@dataclass(frozen=True, slots=True)
class RenderedNotice:
    """A title and a line or two for one customer."""

    title: str
    body: str


@dataclass(frozen=True, slots=True)
class CompiledContent:
    """One variant, ready to be rendered any number of times."""

    _subject: CompiledTemplate
    _preview: CompiledTemplate
    _html: CompiledTemplate
    _text: CompiledTemplate

    def render(self, context: Mapping[str, Any]) -> RenderedContent:
        """The mail for one customer; `context` is described in `content.check`. Raises ContentError beyond a limit."""
        context = _empty_as_nil(context)
        return RenderedContent(
            subject=_one_line(render_pieces(self._subject, context, part="subject")),
            html_pieces=tuple(render_pieces(self._html, context, part="html")),
            text=tidy_text("".join(render_pieces(self._text, context, part="html"))),
        )

    def render_preview_text(self, context: Mapping[str, Any]) -> str:
        """What an inbox shows beside the subject. Raises ContentError beyond a limit."""
        return _one_line(render_pieces(self._preview, _empty_as_nil(context), part="preview_text"))

    def render_notice(self, context: Mapping[str, Any]) -> RenderedNotice:
        """Subject and preview text for a channel without mails; where there is no preview text, the text's first line.

        Raises ContentError beyond a limit.
        """
        context = _empty_as_nil(context)
        title = _one_line(render_pieces(self._subject, context, part="subject"))
        body = _one_line(render_pieces(self._preview, context, part="preview_text"))
        if not body:
            body = tidy_text("".join(render_pieces(self._text, context, part="html"))).split("\n", 1)[0]
        return RenderedNotice(title, body)


def compile_content(*, subject: str, html: str, preview_text: str = "") -> CompiledContent:
    """Parse the templates, inline the CSS, hide the preview text in the HTML, derive the plain text.

    Raises ContentError naming the part and the line of the first fault.
    """
    parse_template(html, part="html", autoescape=True)  # for line numbers of the source, not of what is inlined
    parse_template(preview_text, part="preview_text", autoescape=True)
    return CompiledContent(
        CompiledTemplate(parse_template(subject, part="subject", autoescape=False)),
        CompiledTemplate(parse_template(preview_text, part="preview_text", autoescape=False)),
        CompiledTemplate(parse_template(inline_css(_with_preview(html, preview_text)), part="html", autoescape=True)),
        CompiledTemplate(parse_template(text_template(html), part="html", autoescape=False)),
    )


def _one_line(pieces: Pieces) -> str:
    return " ".join("".join(pieces).split())  # a line break would end a header


def _empty_as_nil(value: Any) -> Any:
    """Liquid takes an empty text for true, and nobody who writes `{% if customer.first_name %}` means that."""
    if isinstance(value, dict):
        return {name: _empty_as_nil(inner) if inner.__class__ in _NOT_FINAL else inner for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_empty_as_nil(inner) for inner in value]
    return None if value == "" else value


def _with_preview(html: str, preview_text: str) -> str:
    if not preview_text.strip():
        return html
    hidden = _PREVIEW.format(preview=preview_text, padding=_PADDING)
    body = _BODY.search(html)
    end = body.end() if body else 0
    return html[:end] + hidden + html[end:]
