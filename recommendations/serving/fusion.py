"""One order out of several."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# The first of a list counts 1 / CONSTANT, the tenth half as much: the head of the list decides.
CONSTANT = 10


@dataclass(frozen=True, slots=True)
class Ranking:
    """Items, best first; how much their order counts; and the item of the customer's history behind them, if any."""

    items: Sequence[int]
    weight: float = 1.0
    because_of: int | None = None


@dataclass(slots=True)
class Fused:
    """The sum of an item's shares, and the ranking that gave the largest one."""

    score: float = 0.0
    largest: float = 0.0
    ranking: Ranking = Ranking(())


def fuse(rankings: Iterable[Ranking]) -> dict[int, Fused]:
    """Every item of the rankings with its fused score, best first.

    Reciprocal rank fusion (Cormack, Clarke and Büttcher, 2009): sum of weight / (CONSTANT + rank). Ranks, unlike
    scores, can be added whatever model they come from.
    """
    total: dict[int, Fused] = {}
    for ranking in rankings:
        for rank, item in enumerate(ranking.items):
            share = ranking.weight / (CONSTANT + rank)
            fused = total.get(item)
            if fused is None:
                fused = total[item] = Fused()
            fused.score += share
            if share > fused.largest:
                fused.largest, fused.ranking = share, ranking
    return dict(sorted(total.items(), key=lambda pair: -pair[1].score))
