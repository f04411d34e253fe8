"""Hostile templates are refused: that the tests end at all is part of the proof."""

import pytest

from notifications.content import sandbox
from notifications.content.errors import ContentError
from notifications.content.sandbox import parse_template, render_template

CUSTOMER = {"customer": {"first_name": "Anna <b>"}}

HOSTILE = {
    "a loop of 10^9": "{% for i in (1..1000000000) %}a{% endfor %}",
    "a loop of 10^9, backwards": "{% for i in (1..1000000000) reversed %}a{% endfor %}",
    "a loop of 10^9 by another name": "{% assign x = (1..1000000000) %}{% for i in x %}a{% endfor %}",
    "nested loops": "{% for i in (1..9000) %}{% for j in (1..9000) %}{% endfor %}{% endfor %}",
    "thousands of loops": "{% for i in (1..9999) %}{% endfor %}" * 2000,
    "thousands of conditions in a loop": "{% for i in (1..9999) %}"
    + "{% if 1 == 2 %}{% endif %}" * 2400
    + "{% endfor %}",
    "huge output": "{% for i in (1..9999) %}" + "x" * 1000 + "{% endfor %}",
    "huge joined range": "{{ (1..1000000000) | join: 'x' }}",
    "doubling text": "{% assign a = 'aaaaaaaaaa' %}" + "{% assign a = a | append: a %}" * 60,
    "exploding text": "{% assign a = 'aaaaaaaaaaaaaaaaaaaa' %}" + "{% assign a = a | replace: 'a', a %}" * 9,
    "huge captured text": "{% for i in (1..9999) %}{% capture a %}{{ a }}" + "x" * 500 + "{% endcapture %}{% endfor %}",
    "exploding number": "{% assign a = 9 %}{% for i in (1..9999) %}{% assign a = a | times: a %}{% endfor %}{{ a }}",
    "division by zero": "{{ 1 | divided_by: 0 }}",
    "unclosed outputs": "{{" * 90_000,
    "unclosed raw blocks": "{% raw %}" * 4000 + "x" * 100_000,
    "unclosed comments": "{% comment %}" * 4000 + "x" * 100_000,
    "spaces that make the scanner backtrack": "{{ " + " " * 190_000,
    "deep nesting": "{% if customer %}" * 500 + "{% endif %}" * 500,
    "deep brackets": "{{ a" + "[a" * 1500 + "]" * 1500 + " }}",
    "an include": "{% include '/etc/passwd' %}",
    "a render": "{% render 'secrets' %}",
    "a huge source": "x" * 1_000_000,
    "an unknown filter": "{{ customer | pickle }}",
    "an unescaping filter": "{{ customer.first_name | safe }}",
}


@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE.keys())
def test_it_is_refused(source):
    with pytest.raises(ContentError) as refused:
        render_template(parse_template(source, part="html", autoescape=True), CUSTOMER, part="html")
    assert refused.value.problem.part == "html"
    assert refused.value.problem.message


@pytest.mark.parametrize(
    "source",
    [
        "{{ customer['__class__'] }}",
        "{{ customer['__class__']['__mro__'] }}",
        "{{ customer.first_name['format'] }}",
        "{{ customer.items }}{{ customer.keys }}{{ customer.pop }}",
        "{{ nothing.at.all }}",
    ],
)
def test_attributes_of_objects_are_out_of_reach(source):
    assert render_template(parse_template(source, part="html", autoescape=True), CUSTOMER, part="html") == ""


def test_the_clock_stops_what_no_other_limit_does(monkeypatch):
    """A single pause, such as a collection of garbage, is forgiven."""
    once, twice = (parse_template("{% if customer %}x{% endif %}" * n, part="html", autoescape=True) for n in (1, 2))
    monkeypatch.setattr(sandbox, "TIME_LIMIT", -1)
    assert render_template(once, CUSTOMER, part="html") == "x"
    with pytest.raises(ContentError, match="takes longer than"):
        render_template(twice, CUSTOMER, part="html")


def test_values_are_escaped_in_html_and_plain_in_text():
    source = "{{ customer.first_name | append: ' & Co' }}"
    escaped, plain = (
        render_template(parse_template(source, part="html", autoescape=escape), CUSTOMER, part="html")
        for escape in (True, False)
    )
    assert escaped == "Anna &lt;b&gt; & Co"
    assert plain == "Anna <b> & Co"


def test_a_fault_is_named_with_its_line():
    with pytest.raises(ContentError) as refused:
        parse_template("one\ntwo {{ customer.first_name | shout }}\n", part="subject", autoescape=False)
    assert (refused.value.problem.part, refused.value.problem.line) == ("subject", 2)
