"""What one customer is shown now: the stored order, what the customer did since, and what can be sold."""

from dataclasses import dataclass
from itertools import islice
from random import Random

from django.db.models import F
from django.utils import timezone

from recommendations.serving.diversity import diversify
from recommendations.serving.fusion import Fused, Ranking, fuse
from recommendations.serving.known import Known
from recommendations.serving.recent import what_is_new
from recommendations.serving.rules import Rules, Sellable
from recommendations.serving.shown import Shown

SHELF_WEIGHT = 0.1  # beside the stored order's 1: shelves fill up what the rules leave empty
SPARE = 2  # times the asked number is looked at, so that diversity has a choice
FIRST = 4  # times the asked number is read; the rest only where too many of them cannot be shown
DRAWN = 15  # items that hardly anybody knows are read for each place that is kept for one
NEW_EVERY = 10  # of so many places the last belongs to an item that hardly anybody knows

NOTHING = 0  # no item's key
NO_SHARE = Fused()


@dataclass(frozen=True, slots=True)
class Recommended:
    """One recommended item; `because_of` is an item of the customer's own history, or None."""

    item: Shown
    score: float
    because_of: Shown | None
    bought_before: bool


def recommended_items(known: Known, *, count: int, rules: Rules = Rules()) -> list[Recommended]:  # noqa: B008
    """The best `count` items for a customer as of this moment, best first; fewer where the rules leave fewer.

    What was bought since the last scoring is left out at once, what is off sale or out of stock too, and the
    neighbours of what the customer has just looked at move up.
    """
    recent = what_is_new(known.events, may_learn=known.may_learn)
    rankings = [*recent.rankings, Ranking(known.items), Ranking(known.popular, SHELF_WEIGHT)]
    if rules.narrow:
        rankings.append(Ranking(_most_bought(rules, count), SHELF_WEIGHT / 2))
    fused = {item: share for item, share in fuse(rankings).items() if item not in recent.bought}
    return _Answer(known, rules, recent.bought, fused).best(count)


@dataclass(frozen=True, slots=True)
class _Answer:
    """Everything that is known when the list is put together. fused: candidates, best first."""

    known: Known
    rules: Rules
    just_bought: frozenset[int]
    fused: dict[int, Fused]

    def best(self, count: int) -> list[Recommended]:
        """The list, in the order to be shown."""
        drawn = self._drawn(count)
        found = self._candidates(count, drawn)
        ranked = [found.items[key] for key in self.fused if key in found.items][: SPARE * count]
        order = diversify(
            ranked, [self.fused[item.pk].score for item in ranked], diversity=self.rules.diversity, count=count
        )
        shown = [ranked[place] for place in order]
        unknown = self._unknown_items(drawn, found.items, shown)
        for place, item in zip(range(NEW_EVERY - 1, count, NEW_EVERY), unknown, strict=False):
            shown.insert(place, item)
        return [
            Recommended(
                item, self._share(item.pk).score, found.named.get(self._reason(item.pk)), item.pk in found.bought
            )
            for item in shown[:count]
        ]

    def _candidates(self, count: int, drawn: list[int]) -> Sellable:
        """What may be shown and is looked at: of a narrow choice all, otherwise the head unless too few can be sold."""
        first = len(self.fused) if self.rules.narrow else FIRST * count
        found = self._usable([*islice(self.fused, first), *drawn])
        if first < len(self.fused) and sum(key in self.fused for key in found.items) < SPARE * count:
            found |= self._usable(list(islice(self.fused, first, None)))
        return found

    def _usable(self, wanted: list[int]) -> Sellable:
        reasons = {self._reason(key) for key in wanted} - {NOTHING}
        found = self.rules.sellable_to(self.known.customer_id, wanted, named=reasons)
        found.bought.update(key for key in found.items if self.known.bought.get(key))
        for key, item in list(found.items.items()):
            again = item.is_repurchasable and not self.rules.new_only
            if key in self.just_bought or (key in found.bought and not again):
                del found.items[key]
        return found

    def _share(self, item: int) -> Fused:
        return self.fused.get(item, NO_SHARE)

    def _reason(self, item: int) -> int:
        """The item of the customer's history that speaks most for this one."""
        return self._share(item).ranking.because_of or self.known.reasons.get(item) or NOTHING

    def _drawn(self, count: int) -> list[int]:
        """Of the items that hardly anybody knows those whose day it is, several for every place that is kept."""
        places = count // NEW_EVERY if self.rules.explore else 0
        chance = Random(f"{self.known.customer_id} {timezone.now():%Y-%m-%d}")
        return chance.sample(self.known.new, min(DRAWN * places, len(self.known.new)))

    def _unknown_items(self, drawn: list[int], items: dict[int, Shown], shown: list[Shown]) -> list[Shown]:
        """Those drawn for the places that are kept for them, of the categories shown first."""
        taken, categories = {item.pk for item in shown}, {item.category_id for item in shown}
        free = [items[key] for key in drawn if key in items and key not in taken and key not in self.fused]
        return sorted(free, key=lambda item: item.category_id not in categories)


def _most_bought(rules: Rules, count: int) -> list[int]:
    most = rules.sellable().order_by(F("links__buyers").desc(nulls_last=True), "pk")
    return list(most.values_list("pk", flat=True)[: SPARE * count])
