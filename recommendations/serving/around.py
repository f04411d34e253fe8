"""What goes with one item: alternatives and what is bought along with it."""

from dataclasses import dataclass
from enum import StrEnum

from catalog.models import Item
from recommendations.models import ItemLinks
from recommendations.serving.fusion import Ranking, fuse
from recommendations.serving.rules import Rules
from recommendations.serving.shown import Shown
from recommendations.serving.text import matching_items

CONTENT_WEIGHT = 0.5  # of likeness in words beside likeness in customers
WELL_KNOWN = 20  # buyers after whom the customers alone decide


class LinkKind(StrEnum):
    """How two items belong together."""

    SIMILAR = "similar"
    BOUGHT_TOGETHER = "bought_together"


@dataclass(frozen=True, slots=True)
class Linked:
    """An item that goes with another. lift and orders: of items bought together; None for similar ones."""

    item: Shown
    score: float
    lift: float | None = None
    orders: int | None = None


def linked_items(*, item: Item, kind: LinkKind, count: int, rules: Rules = Rules()) -> list[Linked]:  # noqa: B008
    """The items that go with `item`, best first, as far as they can be sold now.

    Similar items of an item with few buyers come from what it is: its words, brand and category. Nothing is made up
    for items bought together: where no orders show any, the list is empty.
    """
    links = ItemLinks.objects.filter(item=item).first()
    if kind is LinkKind.BOUGHT_TOGETHER:
        return _bought_together(links, count, rules) if links else []
    rankings = [Ranking(links.similar_ids)] if links else []
    if links is None or links.buyers < WELL_KNOWN or len(links.similar_ids) < count:
        words = f"{item.title} {item.brand}"
        alike = matching_items(words, limit=3 * count + 20, rules=rules)
        same = sorted(alike, key=lambda each: each.category_id != item.category_id)
        rankings.append(Ranking([each.pk for each in same], CONTENT_WEIGHT))
    fused = fuse(rankings)
    fused.pop(item.pk, None)
    items = rules.sellable_among(fused)
    return [Linked(items[key], share.score) for key, share in fused.items() if key in items][:count]


def _bought_together(links: ItemLinks, count: int, rules: Rules) -> list[Linked]:
    items = rules.sellable_among(links.together_ids)
    rows = zip(links.together_ids, links.lifts, links.orders, strict=True)
    return [Linked(items[key], lift, lift, orders) for key, lift, orders in rows if key in items][:count]
