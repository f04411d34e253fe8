"""What one customer is shown now: the stored order, what the customer did since, and what can be sold."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from django.db.models import F
from django.utils import timezone

from recommendations.serving.diversity import diversify
from recommendations.serving.fusion import Fused, Ranking, fuse
from recommendations.serving.recent import Recent, what_is_new
from recommendations.serving.rules import Rules, items_by_id
from recommendations.serving.shown import Shown
from recommendations.serving.stored import Stored, stored_for

SHELF_WEIGHT = 0.1  # beside the stored order's 1: shelves fill up what the rules leave empty
SPARE = 2  # times the asked number is looked at, so that diversity has a choice
FIRST = 4  # times the asked number is read; the rest only where too many of them cannot be shown
DRAWN = 15  # items that hardly anybody knows are read for each place that is kept for one
NEW_EVERY = 10  # of so many places the last belongs to an item that hardly anybody knows


@dataclass(frozen=True, slots=True)
class Recommended:
    """One recommended item; `because_of` is an item of the customer's own history, or None."""

    item: Shown
    score: float
    because_of: Shown | None
    bought_before: bool


def recommended_items(*, customer_id: int, count: int, rules: Rules = Rules()) -> list[Recommended]:  # noqa: B008
    """The best `count` items for a customer as of this moment, best first; fewer where the rules leave fewer.

    What was bought since the last scoring is left out at once, what is off sale or out of stock too, and the
    neighbours of what the customer has just looked at move up. A handful of queries, whatever the customer's history.
    """
    stored = stored_for(customer_id)
    recent = what_is_new(customer_id=customer_id, scored_at=stored.scored_at)
    rankings = [*recent.rankings, Ranking(stored.items), Ranking(stored.popular, SHELF_WEIGHT)]
    if rules.narrow:
        rankings.append(Ranking(_most_bought(rules, count), SHELF_WEIGHT / 2))
    fused = {item: share for item, share in fuse(rankings).items() if item not in recent.bought}
    return _Answer(customer_id, rules, stored, recent, fused).best(count)


@dataclass(frozen=True, slots=True)
class _Answer:
    """Everything that is known when the list is put together. fused: candidates, best first."""

    customer_id: int
    rules: Rules
    stored: Stored
    recent: Recent
    fused: dict[int, Fused]

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

    def _candidates(self, count: int) -> tuple[dict[int, Shown], set[int]]:
        """The items that may be shown, by id, and those of them that the customer has bought."""
        first = len(self.fused) if self.rules.narrow else FIRST * count
        items, bought = self._usable([*islice(self.fused, first), *self._drawn(count)])
        if first < len(self.fused) and sum(key in self.fused for key in items) < SPARE * count:
            more, had = self._usable(islice(self.fused, first, None))
            items, bought = items | more, bought | had
        return items, bought

    def _usable(self, wanted: Iterable[int]) -> tuple[dict[int, Shown], set[int]]:
        found, bought = self.rules.sellable_to(self.customer_id, wanted)
        bought |= {key for key in found if self.stored.bought.get(key)}
        return {
            key: item
            for key, item in found.items()
            if key not in self.recent.bought
            and (key not in bought or (item.is_repurchasable and not self.rules.new_only))
        }, bought

    def _drawn(self, count: int) -> list[int]:
        """Of the items that hardly anybody knows those whose day it is, several for every place that is kept."""
        places = count // NEW_EVERY if self.rules.explore else 0
        return sorted(self.stored.new, key=lambda item: _draw(self._today, item))[: DRAWN * places]

    @property
    def _today(self) -> str:
        return f"{self.customer_id} {timezone.now():%Y-%m-%d}"

    def _unknown_items(self, items: dict[int, Shown], shown: list[Shown]) -> list[Shown]:
        """Items for the places that are kept for them: of the categories shown first, others every day."""
        today = self._today
        taken, categories = {item.pk for item in shown}, {item.category_id for item in shown}
        free = [items[key] for key in self.stored.new if key in items and key not in taken and key not in self.fused]
        return sorted(free, key=lambda item: (item.category_id not in categories, _draw(today, item.pk)))

    def _explained(self, shown: list[Shown], bought: set[int]) -> list[Recommended]:
        fused = [self.fused.get(item.pk, Fused()) for item in shown]
        reasons = [
            share.ranking.because_of or self.stored.reasons.get(item.pk)
            for share, item in zip(fused, shown, strict=True)
        ]
        known = items_by_id({reason for reason in reasons if reason is not None})
        return [
            Recommended(item, share.score, known.get(reason or 0), item.pk in bought)
            for item, share, reason in zip(shown, fused, reasons, strict=True)
        ]


def _most_bought(rules: Rules, count: int) -> list[int]:
    most = rules.sellable().order_by(F("links__buyers").desc(nulls_last=True), "pk")
    return list(most.values_list("pk", flat=True)[: SPARE * count])


def _draw(key: str, item: int) -> bytes:
    """The same for the same key, and evenly spread otherwise."""
    return hashlib.blake2b(f"{key} {item}".encode(), digest_size=8).digest()
