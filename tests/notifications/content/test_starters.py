"""Every template of the gallery: sound, whole without anything, readable in both schemes, made for mail clients."""

import re

import pytest
from django.utils import translation

from notifications.content.check import check_content
from notifications.content.render import compile_content
from notifications.content.starter import starter, starters

LANGUAGES = ["en", "zh-hans"]
KEYS = [each.key for each in starters("en")]
NOTHING = {
    "items": [],
    "coupon": None,
    "trigger": {"items": [], "coupon": None},
    "points": {"balance": 0, "expiring": 0, "expires_at": None, "tier": ""},
}
CHINESE = re.compile(r"[\u4e00-\u9fff]")

pytestmark = [pytest.mark.parametrize("language", LANGUAGES), pytest.mark.parametrize("key", KEYS)]


def mail(key, language, context):
    found = starter(key, language)
    content = compile_content(subject=found.subject, html=found.html, preview_text=found.preview_text)
    context = {**context, "customer": {**context["customer"], "language": language}}
    with translation.override(language):
        return content.render(context), content.render_preview_text(context)


def test_it_uses_only_what_there_is_and_speaks_its_language(key, language, context):
    found = starter(key, language)
    assert check_content(subject=found.subject, html=found.html, preview_text=found.preview_text) == []
    rendered, preview_text = mail(key, language, context)
    assert rendered.subject
    assert preview_text
    for text in (rendered.subject, rendered.text, rendered.html):
        assert "[[" not in text
        assert "{%" not in text
        assert "{{" not in text
        assert bool(CHINESE.search(text.replace("PingFang SC", ""))) == (language == "zh-hans")
    assert "https://a.example.com/u/1/" in rendered.html
    assert "https://a.example.com/u/1/" in rendered.text
    assert len(rendered.html.encode()) < 102_000, "Gmail clips it"


def test_it_is_whole_for_a_customer_of_whom_nothing_is_known(key, language, context):
    context = {**context, **NOTHING, "customer": {"first_name": "", "country": ""}}
    rendered, preview_text = mail(key, language, context)
    for text in (rendered.subject, preview_text, rendered.text):
        assert text.strip()
        assert "None" not in text
        assert ", ," not in text
        assert not text.startswith((",", "，"))
    for absent in ("7K2M", "£", "Item"):
        assert absent not in rendered.text


def test_its_blocks_show_what_the_customer_gets(key, language, context):
    rendered, _preview_text = mail(key, language, context)
    shown = {
        "win_back": ["7K2M-9QX4-TB3N-5VHC", "Tea cosy"],
        "new_arrivals": ["Item <4>", "Tea cosy"],
        "cart_abandoned": ["× 2", "7K2M-9QX4-TB3N-5VHC"],
        "price_drop": ["£3.20", "£2.55"],
        "birthday": ["7K2M-9QX4-TB3N-5VHC", "1240"],
        "thank_you": ["× 2", "1240", "7K2M-9QX4-TB3N-5VHC"],
    }
    for text in shown[key]:
        assert text in rendered.text


def test_mail_clients_can_draw_it(key, language):
    html = starter(key, language).html
    for strange in ("display:flex", "display: flex", "grid-template", "position:", "<script", "url(", "rem;"):
        assert strange not in html
    assert "[if mso]" in html, "Outlook gets a fixed width"
    assert 'name="color-scheme" content="light dark"' in html
    assert "@media (max-width: 480px)" in html
    assert html.count("<table") == html.count("</table>") == html.count('role="presentation"')


def shade(colour):
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(ink, ground):
    light, dark = sorted((shade(ink), shade(ground)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def colour(css, selector, name):
    rule = re.search(rf"(?m)^\s*[^{{}}]*(?<![\w-]){re.escape(selector)}(?![\w-])[^{{}}]*\{{([^}}]*)\}}", css)
    return re.search(rf"(?<![-\w]){name}: (#[0-9a-f]{{6}})", rule[1])[1]


def test_text_stands_out_in_light_and_in_dark(key, language):
    """WCAG 2.2, 1.4.3: 4.5 for text."""
    light, dark = starter(key, language).html.split("@media (prefers-color-scheme: dark)")
    for css in (light, dark):
        card, coupon = colour(css, ".card", "background-color"), colour(css, ".coupon", "background-color")
        pairs = [(colour(css, name, "color"), card) for name in (".headline", ".note", ".label", ".title", ".reason")]
        pairs += [(colour(css, name, "color"), coupon) for name in (".eyebrow", ".terms", ".until")]
        pairs += [
            (colour(css, ".button a", "color"), colour(css, ".button", "background-color")),
            (colour(css, ".now", "color"), card),
        ]
        assert min(contrast(*pair) for pair in pairs) >= 4.5, pairs
