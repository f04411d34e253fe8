"""The names of the categories and items of a rule, for reading it: their ids in the shop say nothing to a marketer."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from catalog.models import Category, Item
from notifications.segments import nodes

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Names:
    """Names by the shop's id."""

    categories: dict[str, str] = field(default_factory=dict)
    items: dict[str, str] = field(default_factory=dict)


def names_in(rule: nodes.Rule) -> Names:
    """Those that a sentence about `rule` shows, in at most one query each."""
    categories, items = set[str](), set[str]()
    for node in _leaves(rule):
        if isinstance(node, nodes.EventCount):
            categories.update(node.categories[:SHOWN])
            items.update(node.items[:SHOWN])
        elif isinstance(node, nodes.FieldTest) and node.field.names == "category" and node.value is not None:
            categories.update(node.value[:SHOWN] if isinstance(node.value, tuple) else [node.value])
    return Names(
        dict(Category.objects.filter(external_id__in=categories).values_list("external_id", "name"))
        if categories
        else {},
        dict(Item.objects.filter(external_id__in=items).values_list("external_id", "title")) if items else {},
    )


def _leaves(rule: nodes.Rule) -> Iterator[nodes.Rule]:
    if isinstance(rule, nodes.All | nodes.AnyOf):
        for inner in rule.rules:
            yield from _leaves(inner)
    elif isinstance(rule, nodes.Not):
        yield from _leaves(rule.rule)
    else:
        yield rule
