"""The compiled templates say exactly what python-liquid says, and fail where it fails."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifications.content.compiled import CompiledTemplate, render_pieces
from notifications.content.errors import ContentError, Problem
from notifications.content.inlining import inline_css
from notifications.content.plain_text import text_template
from notifications.content.sandbox import parse_template, render_template
from notifications.content.starter import starter_template
from tests.notifications.content.test_sandbox import HOSTILE

CORPUS = [
    inline_css(starter_template()),
    text_template(starter_template("zh-hans")),
    "{{ customer.first_name }} {{ customer['first_name'] }} {{ customer.none.none }} {{ none }} {{ 'a<b' }} {{ 1.5 }}",
    "{{ items.size }}{{ items.first.title }}{{ items[0].title }}{{ items.last }}{{ items[9].title }}{{ shop.size }}",
    "{% if customer.first_name %}a{% elsif items.size > 1 %}b{% else %}c{% endif %}",
    "{% unless customer.first_name %}a{% elsif coupon %}b{% else %}c{% endunless %}",
    "{% if coupon and items.size > 0 or customer.first_name == 'x' %}a{% endif %}{% if coupon == nil %}none{% endif %}",
    "{% for item in items %}{{ forloop.index }}/{{ forloop.length }}{{ item.title }}{% else %}nothing{% endfor %}",
    "{% for item in items limit: 2 offset: 1 reversed %}{{ item.title | upcase | truncate: 5 }}{% endfor %}",
    "{% for a in items %}{% for b in items %}{{ b.price }}{{ forloop.parentloop.index }}{% endfor %}{% endfor %}",
    "{% for item in items %}{% if forloop.index == 2 %}{% continue %}{% endif %}{{ item.title }}{% endfor %}",
    "{% for item in items %}{% if item.reason %}{% break %}{% endif %}{{ item.title }}{% endfor %}",
    "{% for i in items %}{% cycle 'a', '<b>' %}{% cycle 'a' %}{% cycle 'x': 1, 2 %}{% cycle i.title %}{% endfor %}",
    "{% for i in (1..3) %}{{ i }}{% endfor %}{% for word in customer.first_name %}[{{ word }}]{% endfor %}",
    "{% for pair in customer %}{{ pair[0] }}={{ pair[1] }} {% endfor %}{{ items }}{{ customer }}",
    "{% assign x = customer.first_name | append: '!' %}{{ x }}{% capture y %}<i>{{ x }}</i>{% endcapture %}{{ y }}",
    "{% case customer.language %}{% when 'en', 'de' %}1{% when 'zh-hans' %}2{% else %}3{% endcase %}",
    "{% if true %}   {% endif %}|{% for item in items %}\n{% assign z = item.title %}\n{% endfor %}|{{ z }}",
    "{{ coupon.value | times: 2 | plus: 1 }}{{ coupon.value | money }}{{ items[0].price | money: items[0].currency }}",
    "{{ customer.first_name | default: 'friend' | replace: 'a', '<' | escape | newline_to_br }}",
    "{{ customer.first_name | slice: 0, 2 }}{{ items | map: 'title' | join: ', ' }}{{ customer.none | size }}",
    "{{ coupon.value | divided_by: customer.none }}",
    "{{ customer.first_name | money }}",
    "{% if customer.first_name > 5 %}x{% endif %}",
    "{{ forloop.index }}{% break %}after",
    "a\r\nb\r{{ customer.first_name }}\r\n",
    *HOSTILE.values(),
]
NAMES = st.text(max_size=8) | st.sampled_from(["", "Anna <b>", 'O\'Neil & "Co"', "李", "a\r\nb", "\r"])
PRICES = st.decimals(0, 10_000, places=2) | st.none()
ITEMS = st.fixed_dictionaries(
    {"title": NAMES, "price": PRICES, "currency": st.sampled_from(["GBP", "JPY", ""]), "reason": NAMES | st.none()},
    optional={"url": NAMES, "image_url": NAMES | st.none()},
)
CONTEXTS = st.fixed_dictionaries(
    {
        "customer": st.fixed_dictionaries(
            {
                "first_name": NAMES | st.none() | st.booleans(),
                "language": st.sampled_from(["en", "de", "zh-hans", "xx", ""]),
            }
        ),
        "items": st.lists(ITEMS, max_size=4) | st.none(),
        "shop": st.just({"name": "Ash & Co", "url": "https://shop.example/?a=1&b=2", "currency": "GBP"}),
        "coupon": st.none()
        | st.fixed_dictionaries({"code": NAMES, "value": st.sampled_from([Decimal("2.50"), 7, 1.5, "x"])}),
    }
)


def outcome(render):
    try:
        return render()
    except ContentError as error:
        return error.problem


@pytest.mark.parametrize("autoescape", [True, False], ids=["html", "text"])
@pytest.mark.parametrize("source", CORPUS, ids=range(len(CORPUS)))
def test_it_says_what_python_liquid_says(source, autoescape):
    try:
        template = parse_template(source, part="html", autoescape=autoescape)
    except ContentError:
        return
    compiled = CompiledTemplate(template)

    @settings(max_examples=40, deadline=None)
    @given(CONTEXTS)
    def same(context):
        expected = outcome(lambda: render_template(template, context, part="html"))
        assert outcome(lambda: "".join(render_pieces(compiled, context, part="html"))) == expected

    if source in HOSTILE.values():
        # Which limit stops it first depends on the clock.
        assert isinstance(outcome(lambda: render_template(template, {}, part="html")), Problem)
        assert isinstance(outcome(lambda: render_pieces(compiled, {}, part="html")), Problem)
    else:
        same()


def test_common_text_is_the_same_object_in_every_mail(context):
    compiled = CompiledTemplate(parse_template(starter_template(), part="html", autoescape=True))
    first, second = (compiled.render(context | {"customer": {"first_name": name}}) for name in ("Anna", "Zoë"))
    texts = [piece for piece in first if len(piece) > 200]
    assert texts
    assert {id(piece) for piece in texts} <= {id(piece) for piece in second}
