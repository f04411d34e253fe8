import pytest

from notifications.content.check import check_content
from notifications.content.render import starter_template


def problems(html, subject="Hello"):
    return [(problem.part, problem.line, problem.message) for problem in check_content(subject=subject, html=html)]


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_starter_has_none(language):
    assert problems(starter_template(language), "{{ customer.first_name }}, {{ coupon.description }}") == []


def test_unknown_variables_are_listed_with_their_line_and_the_nearest_name():
    found = problems("one\n{{ customer.frist_name }}\n\n{% if basket %}{% endif %}", "{{ shop.nam }}")
    assert found == [
        ("subject", 1, "There is no variable “shop.nam”. Did you mean “shop.name”?"),
        ("html", 2, "There is no variable “customer.frist_name”. Did you mean “customer.first_name”?"),
        ("html", 4, "There is no variable “basket”."),
    ]


def test_loop_variables_are_known_inside_their_loop_only():
    assert problems("{% for item in items limit: 2 %}{{ item.title }}{{ forloop.first }}{% endfor %}") == []
    assert problems("{% for x in items %}{{ x.colour }}{% endfor %}\n{{ x.price }}") == [
        ("html", 1, "There is no variable “x.colour”."),
        ("html", 2, "There is no variable “x.price”. Did you mean “item.price”?"),
    ]


def test_assigned_names_and_positions_in_lists_are_known():
    assert problems("{% assign best = items[0] %}{{ best.title }}{{ items.first.price }}{{ items.size }}") == []
    assert problems("{{ items.first.prize }}{{ items.title }}") != []


def test_arguments_of_filters_and_conditions_are_checked():
    found = problems("{{ 1 | money: itm.currency }}\n{% if coupon.cod %}{% endif %}")
    assert [line for _part, line, _message in found] == [1, 2]


def test_what_cannot_be_parsed_is_one_problem_of_its_part():
    assert [(part, line) for part, line, _message in problems("a\n{% if x %}", "{{ customer.first_name")] == [
        ("subject", 1),
        ("html", 2),
    ]
