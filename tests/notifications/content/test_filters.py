from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from notifications.content.errors import ContentError
from notifications.content.sandbox import parse_template, render_template


def render(source, language="en", time_zone="", **values):
    context = {"customer": {"language": language, "time_zone": time_zone}, "shop": {"currency": "EUR"}, **values}
    return render_template(parse_template(source, part="html", autoescape=False), context, part="html")


@pytest.mark.parametrize(
    ("language", "text"), [("en", "£1,234.50"), ("de", "1.234,50\u00a0£"), ("zh-hans", "£1,234.50"), ("", "£1,234.50")]
)
def test_money_in_the_readers_way(language, text):
    assert render("{{ price | money: 'GBP' }}", language, price=Decimal("1234.5")) == text


def test_money_without_currency_is_the_shops_and_no_price_is_nothing():
    assert render("{{ price | money }}", price=Decimal(3)) == "€3.00"
    assert render("{{ price | money }}", price=None) == ""
    with pytest.raises(ContentError, match="money needs an amount"):
        render("{{ 'cheap' | money }}")


@pytest.mark.parametrize(
    ("language", "style", "text"),
    [
        ("en", "", "5 December 2026"),
        ("en-US", ": 'day'", "5 December"),
        ("de", "", "5. Dezember 2026"),
        ("zh-CN", "", "2026年12月5日"),
        ("zh-hans", ": 'day'", "12月5日"),
    ],
)
def test_dates_in_the_readers_language(language, style, text):
    assert render(f"{{{{ day | date{style} }}}}", language, day=date(2026, 12, 5)) == text


def test_a_moment_is_a_day_in_the_readers_time_zone():
    moment = datetime(2026, 12, 5, 20, tzinfo=UTC)
    assert render("{{ moment | date }}", moment=moment) == "5 December 2026"
    assert render("{{ moment | date }}", time_zone="Asia/Shanghai", moment=moment) == "6 December 2026"
    assert render("{{ moment | date }}", time_zone="Mars/Base", moment=moment) == "5 December 2026"


def test_no_date_is_nothing_and_an_unknown_style_an_error():
    assert render("{{ nothing | date }}") == ""
    with pytest.raises(ContentError, match="styles long and day"):
        render("{{ day | date: '%Y' }}", day=date(2026, 12, 5))


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ ' “tea cosy”' | initial }}", "T"),
        ("{{ '茶' | initial }}", "茶"),
        ("{{ '…' | initial }}{{ nothing | initial }}", ""),
        ("{{ 'because you bought TEA' | sentence }}", "Because you bought TEA"),
        ("{{ nothing | sentence }}", ""),
    ],
)
def test_initials_and_sentences(source, text):
    assert render(source) == text


def test_initials_are_escaped_too():
    template = parse_template("{{ text | sentence }}", part="html", autoescape=True)
    assert render_template(template, {"text": "<b>"}, part="html") == "&lt;b&gt;"
