"""What may stand in a rule, looked up while somebody types: a few fitting values, or the labels of known ones."""

from collections.abc import Callable, Collection, Iterable
from typing import TypedDict

from django.db.models import Model, Q, QuerySet

from catalog.models import Category, Item
from notifications.models import Campaign, Offer, Segment
from users.models import Customer, Profile

SHOWN = 20
_SAMPLE = 20_000  # customers whose words are offered: a look at all of them would take too long


class Suggestion(TypedDict):
    value: str
    label: str


def suggest(kind: str, *, text: str = "", values: Collection[str] = ()) -> list[Suggestion]:
    """Up to 20 values of `kind` that contain `text`; with `values`, those with their labels.

    Raises KeyError for an unknown kind.
    """
    return _KINDS[kind](text.strip()[:100], values)


def _rows(model: type[Model], key: str, label: str) -> Callable[[str, Collection[str]], list[Suggestion]]:
    def look_up(text: str, values: Collection[str]) -> list[Suggestion]:
        rows: QuerySet[Model] = model._default_manager.all()
        if values:
            rows = rows.filter(**{f"{key}__in": list(values)})
        elif text:
            rows = rows.filter(Q(**{f"{key}__istartswith": text}) | Q(**{f"{label}__icontains": text}))
        pairs = rows.order_by(label).values_list(key, label)[: len(values) or SHOWN]
        return [Suggestion(value=value, label=shown or value) for value, shown in pairs]

    return look_up


def _words(model: type[Model], column: str) -> Callable[[str, Collection[str]], list[Suggestion]]:
    """Words that rows carry, from the newest ones; they are their own labels."""

    def look_up(text: str, values: Collection[str]) -> list[Suggestion]:
        if values:
            return _alike(values)
        newest = model._default_manager.order_by("-pk").values(column)[:_SAMPLE]
        found = sorted({str(row[column]) for row in newest if row[column]})
        return _alike(word for word in found if text.lower() in word.lower())[:SHOWN]

    return look_up


def _alike(words: Iterable[str]) -> list[Suggestion]:
    return [Suggestion(value=word, label=word) for word in words]


def _brands(text: str, values: Collection[str]) -> list[Suggestion]:
    if values:
        return _alike(values)
    brands = Item.objects.filter(brand__icontains=text).exclude(brand="").values_list("brand", flat=True).distinct()
    return _alike(brands.order_by("brand")[:SHOWN])


def _attributes(text: str, values: Collection[str]) -> list[Suggestion]:
    newest = Customer.objects.order_by("-pk").values_list("attributes", flat=True)[:_SAMPLE]
    found = sorted({name for attributes in newest for name in attributes})
    return _alike(name for name in found if text.lower() in name.lower())[:SHOWN]


_KINDS: dict[str, Callable[[str, Collection[str]], list[Suggestion]]] = {
    "category": _rows(Category, "external_id", "name"),
    "item": _rows(Item, "external_id", "title"),
    "segment": _rows(Segment, "name", "name"),
    "campaign": _rows(Campaign, "name", "name"),
    "offer": _rows(Offer, "name", "name"),
    "brand": _brands,
    "attribute": _attributes,
    "country": _words(Customer, "country"),
    "language": _words(Customer, "language"),
    "time_zone": _words(Customer, "time_zone"),
    "device": _words(Profile, "device"),
}
