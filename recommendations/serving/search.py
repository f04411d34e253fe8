"""Search, in the order that suits the customer who asks."""

from collections.abc import Sequence
from dataclasses import dataclass

from catalog.models import Item
from recommendations.models import ItemLinks
from recommendations.serving.fusion import Ranking, fuse
from recommendations.serving.known import Known
from recommendations.serving.recent import what_is_new
from recommendations.serving.rules import Rules
from recommendations.serving.shown import Shown
from recommendations.serving.text import matching_items
from users.models import Profile

LOOKED_AT = 100  # matches that are put in the customer's order
TASTE = 0.5  # of the customer's order beside the order of the match
RELATED_TO = 3  # best matches whose neighbours follow where there are few matches


@dataclass(frozen=True, slots=True)
class Found:
    """One found item. related: it does not hold the words; customers of the best matches had it too."""

    item: Shown
    score: float
    related: bool


def search_items(*, words: str, count: int, customer: Known | None = None, rules: Rules = Rules()) -> list[Found]:  # noqa: B008
    """The items that match `words`, best first; with a customer, those that suit it move up among them."""
    matches = matching_items(words, limit=LOOKED_AT, rules=rules)
    rankings = [Ranking([item.pk for item in matches])]
    if customer and matches:
        rankings += [Ranking(order, TASTE) for order in _taste(customer, matches)]
    items = {item.pk: item for item in matches}
    found = [Found(items[key], share.score, related=False) for key, share in fuse(rankings).items()][:count]
    return found + _related(found, count - len(found), rules)


def _taste(customer: Known, matches: Sequence[Shown]) -> list[list[int]]:
    """Orders of the matches by what is known of the customer: what was recommended, and favourites."""
    recent = what_is_new(customer.events, may_learn=customer.may_learn)
    wanted = [*recent.rankings, Ranking(customer.items)]
    matched = {item.pk for item in matches}
    return [[key for key in fuse(wanted) if key in matched], _favourites(customer.customer_id, matches)]


def _favourites(customer_id: int, matches: Sequence[Shown]) -> list[int]:
    """The matches of the customer's favourite categories and brands, the dearest to it first."""
    profile = Profile.objects.filter(customer_id=customer_id).first()
    if profile is None:
        return []
    names = set(profile.favourite_categories)
    categories = dict(zip(profile.favourite_categories, profile.category_weights, strict=False)) if names else {}
    brands = dict(zip(profile.favourite_brands, profile.brand_weights, strict=False))
    known = dict(
        Item.objects.filter(pk__in=[item.pk for item in matches], category__external_id__in=names).values_list(
            "pk", "category__external_id"
        )
    )
    liking = {item.pk: categories.get(known.get(item.pk, ""), 0.0) + brands.get(item.brand, 0.0) for item in matches}
    return sorted((key for key, value in liking.items() if value > 0), key=lambda key: -liking[key])


def _related(found: Sequence[Found], missing: int, rules: Rules) -> list[Found]:
    """Neighbours of the best matches for the places that are left."""
    if missing <= 0 or not found:
        return []
    best = [each.item.pk for each in found[:RELATED_TO]]
    links = ItemLinks.objects.only("similar_ids").in_bulk(best)
    fused = fuse(Ranking(links[key].similar_ids) for key in best if key in links)
    known = {each.item.pk for each in found}
    items = rules.sellable_among(key for key in fused if key not in known)
    return [Found(items[key], share.score, related=True) for key, share in fused.items() if key in items][:missing]
