"""What one customer is shown now: the stored order, what the customer did since, and what can be sold."""

import hashlib
from dataclasses import dataclass
from itertools import islice

from django.db.models import F, Q
from django.utils import timezone

from catalog.models import Item
from recommendations.choices import ShelfKind
from recommendations.models import Recommendation, Shelf
from recommendations.serving.diversity import diversify
from recommendations.serving.fusion import Fused, Ranking, fuse
from recommendations.serving.recent import Recent, what_is_new
from recommendations.serving.rules import Rules
from users.choices import EventType
from users.models import Customer, Event

SHELF_WEIGHT = 0.1  # beside the stored order's 1: shelves fill up what the rules leave empty
SPARE = 2  # times the asked number is looked at, so that diversity has a choice
FIRST = 4  # times the asked number is read; the rest only where too many of them cannot be shown
DRAWN = 15  # items that hardly anybody knows are read for each place that is kept for one
NEW_EVERY = 10  # of so many places the last belongs to an item that hardly anybody knows


@dataclass(frozen=True, slots=True)
class Recommended:
    """One recommended item; `because_of` is an item of the customer's own history, or None."""

    item: Item
    score: float
    because_of: Item | None
    bought_before: bool


def recommended_items(*, customer_id: int, count: int, rules: Rules = Rules()) -> list[Recommended]:  # noqa: B008
    """The best `count` items for a customer as of this moment, best first; fewer where the rules leave fewer.

    What was bought since the last scoring is left out at once, what is off sale or out of stock too, and the
    neighbours of what the customer has just looked at move up. A handful of queries, whatever the customer's history.
    """
    row = Recommendation.objects.filter(customer_id=customer_id).first()
    recent = what_is_new(customer_id=customer_id, scored_at=row.scored_at if row else None)
    rankings = recent.rankings()
    if row:
        rankings.append(Ranking(row.item_ids))
    shelves: dict[str, list[int]] = {}
    if rules.explore or rules.narrow or len(rankings) <= 1:
        shelves = _shelves(customer_id)
        rankings.append(Ranking(shelves.get(ShelfKind.POPULAR, []), SHELF_WEIGHT))
    if rules.narrow:
        rankings.append(Ranking(_most_bought(rules, count), SHELF_WEIGHT / 2))
    fused = {item: share for item, share in fuse(rankings).items() if item not in recent.bought}
    return _Answer(customer_id, rules, row, recent, fused, shelves.get(ShelfKind.NEW, [])).best(count)


@dataclass(frozen=True, slots=True)
class _Answer:
    """Everything that is known when the list is put together. fused: candidates, best first; unknown: a shelf."""

    customer_id: int
    rules: Rules
    row: Recommendation | None
    recent: Recent
    fused: dict[int, Fused]
    unknown: list[int]

    def best(self, count: int) -> list[Recommended]:
        """The list, in the order to be shown."""
        items, bought = self._candidates(count)
        ranked = [items[key] for key in self.fused if key in items][: SPARE * count]
        order = diversify(
            ranked, [self.fused[item.pk].score for item in ranked], diversity=self.rules.diversity, count=count
        )
        shown = [ranked[place] for place in order]
        for place, item in zip(range(NEW_EVERY - 1, count, NEW_EVERY), self._unknown_items(items, shown), strict=False):
            shown.insert(place, item)
        return self._explained(shown[:count], bought)

    def _candidates(self, count: int) -> tuple[dict[int, Item], set[int]]:
        """The items that may be shown, by id, and those of them that the customer has bought."""
        first = len(self.fused) if self.rules.narrow else FIRST * count
        items, bought = self._usable([*islice(self.fused, first), *self._drawn(count)])
        if first < len(self.fused) and sum(key in self.fused for key in items) < SPARE * count:
            more, had = self._usable(list(islice(self.fused, first, None)))
            items, bought = items | more, bought | had
        return items, bought

    def _usable(self, wanted: list[int]) -> tuple[dict[int, Item], set[int]]:
        found = self.rules.sellable().in_bulk(wanted)
        known = dict(zip(self.row.item_ids, self.row.bought_before, strict=True)) if self.row else {}
        in_doubt = [key for key, item in found.items() if key not in known or not item.is_repurchasable]
        bought = {key for key, was_bought in known.items() if was_bought} | self._bought(in_doubt)
        bought -= self.recent.bought
        return {
            key: item
            for key, item in found.items()
            if key not in self.recent.bought
            and (key not in bought or (item.is_repurchasable and not self.rules.new_only))
        }, bought

    def _bought(self, items: list[int]) -> set[int]:
        if not items:
            return set()
        lines = Event.objects.filter(customer_id=self.customer_id, type=EventType.PURCHASE, item_id__in=items)
        return set(lines.values_list("item_id", flat=True))

    def _drawn(self, count: int) -> list[int]:
        """Of the items that hardly anybody knows those whose day it is, several for every place that is kept."""
        places = count // NEW_EVERY if self.rules.explore else 0
        return sorted(self.unknown, key=lambda item: _draw(self._today, item))[: DRAWN * places]

    @property
    def _today(self) -> str:
        return f"{self.customer_id} {timezone.now():%Y-%m-%d}"

    def _unknown_items(self, items: dict[int, Item], shown: list[Item]) -> list[Item]:
        """Items for the places that are kept for them: of the categories shown first, others every day."""
        today = self._today
        taken, categories = {item.pk for item in shown}, {item.category_id for item in shown}
        free = [items[key] for key in self.unknown if key in items and key not in taken and key not in self.fused]
        return sorted(free, key=lambda item: (item.category_id not in categories, _draw(today, item.pk)))

    def _explained(self, shown: list[Item], bought: set[int]) -> list[Recommended]:
        stored = dict(zip(self.row.item_ids, self.row.reason_item_ids, strict=True)) if self.row else {}
        fused = {item.pk: self.fused.get(item.pk, Fused()) for item in shown}
        reasons = {key: share.ranking.because_of or stored.get(key) for key, share in fused.items()}
        items = Item.objects.in_bulk({reason for reason in reasons.values() if reason is not None})
        return [
            Recommended(item, fused[item.pk].score, items.get(reasons[item.pk] or 0), item.pk in bought)
            for item in shown
        ]


def _shelves(customer_id: int) -> dict[str, list[int]]:
    """The items of every shelf that suits the customer's country, and of those for everywhere where it has none."""
    own = Customer.objects.filter(pk=customer_id).values("country")
    shelves = Shelf.objects.filter(Q(country="") | Q(country__in=own)).order_by("country")
    return {shelf.kind: shelf.item_ids for shelf in shelves}


def _most_bought(rules: Rules, count: int) -> list[int]:
    most = rules.sellable().order_by(F("links__buyers").desc(nulls_last=True), "pk")
    return list(most.values_list("pk", flat=True)[: SPARE * count])


def _draw(key: str, item: int) -> bytes:
    """The same for the same key, and evenly spread otherwise."""
    return hashlib.blake2b(f"{key} {item}".encode(), digest_size=8).digest()
