import pytest

from notifications.content.inlining import inline_css

STYLE = "<style>.a { color: red } @media (max-width: 480px) { .a { color: blue !important } }</style>"


def inlined(body):
    return inline_css(f"<html><head>{STYLE}</head><body>{body}</body></html>").split("<body>")[1].split("</body>")[0]


@pytest.mark.parametrize(
    "body",
    [
        '<a href="{{ item.url | append: "?a=1&b=2" }}" title="x > y">x</a>',
        '<td-less>{% if 1 < 2 and coupon.code != "" %}x{% endif %}</td-less>',
        "<table>{% for item in items %}<tr><td>{{ item.title }}</td></tr>{% else %}<tr></tr>{% endfor %}</table>",
        '<p style="width: {{ width }}px">x</p>',
        "<!--[if mso]><p>{{ shop.name }}</p><![endif]-->",
        "<textarea>{{ a }}</textarea>",
    ],
)
def test_liquid_comes_through_unharmed(body):
    assert inlined(body).replace('px;"', 'px"') == body


def test_css_reaches_elements_between_and_beside_liquid():
    assert inlined("{% if x %}<p class='a'>{{ x }}</p>{% endif %}") == (
        '{% if x %}<p class="a" style="color: red;">{{ x }}</p>{% endif %}'
    )
    assert inlined("<p {% if x %}id=\"{{ x }}\"{% endif %} class='a'>y</p>").count("color: red") == 1


def test_media_queries_stay_and_nothing_is_fetched():
    html = inline_css(
        f'<html><head>{STYLE}<link rel="stylesheet" href="http://127.0.0.1:9/x.css"></head><body></body></html>'
    )
    assert "@media (max-width: 480px)" in html
    assert ".a { color: red }" not in html


def test_private_use_characters_of_an_author_are_no_placeholders():
    assert inlined("\ue0007\ue001{{ a }}") == "7{{ a }}"
