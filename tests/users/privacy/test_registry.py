"""Every table with data of customers says how it is exported and erased; a forgotten one fails here."""

import re

from django.apps import apps
from django.db.models import ForeignKey, Model

from users.models import Customer
from users.privacy.registry import holdings, mentions

OURS = {"users", "recommendations", "notifications"}


def tables_of_customers() -> set[type[Model]]:
    """The customer's table, and every table that refers to it, directly or through others, by key or by number."""
    found: set[type[Model]] = {Customer}
    models = [model for model in apps.get_models() if model._meta.app_label in OURS]
    for model in models:
        if {"customer", "customer_id"} & {field.name for field in model._meta.concrete_fields}:
            found.add(model)
    while True:
        more = {
            model
            for model in models
            for field in model._meta.concrete_fields
            if isinstance(field, ForeignKey) and field.related_model in found
        } - found
        if not more:
            return found
        found |= more


def test_every_table_of_customers_is_registered():
    registered = {holding.model for holding in holdings()}
    assert len(tables_of_customers()) > 8
    assert tables_of_customers() <= registered, "register these tables in their app's privacy.py"


def test_every_table_of_customers_is_exported_under_its_own_name():
    exported = {holding.model for holding in holdings() if holding.rows}
    only_marks = {apps.get_model("users.ProfileDue")}
    assert tables_of_customers() - exported == only_marks
    sections = [holding.section for holding in holdings() if holding.rows]
    assert len(set(sections)) == len(sections)
    assert all(sections)


def test_what_refers_is_erased_before_what_is_referred_to():
    order = [holding.model for holding in reversed(holdings())]
    for model in order:
        for field in model._meta.concrete_fields:
            if isinstance(field, ForeignKey) and field.related_model in order and field.related_model is not model:
                assert order.index(model) <= order.index(field.related_model), f"{model} before {field.related_model}"


def test_a_short_id_is_found_only_where_it_stands_by_itself():
    pattern = re.compile(mentions(["c1", "a+b@example.com", "王伟"]))
    for text in ("c1", "order-c1", "x_c1", "the id 'c1'.", "客户c1不存在", "<a+b@example.com>", "客户王伟不存在"):
        assert pattern.search(text), text
    for text in ("c12", "abc1", "aab@example.com", ""):
        assert not pattern.search(text), text
    assert not re.search(mentions([]), "anything")
