"""What a customer's newest events say about what to show next."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from recommendations.serving.fusion import Ranking
from users.choices import EventType

# How much the neighbours of an item count beside the stored order (1), by what the customer did with it.
INTEREST = {
    EventType.VIEW: 0.6,
    EventType.CLICK: 0.6,
    EventType.RATING: 0.6,
    EventType.WISHLIST: 0.8,
    EventType.ADD_TO_CART: 1.0,
    EventType.PURCHASE: 0.8,
}
LOST = frozenset({EventType.REMOVE_FROM_CART, EventType.REFUND})
KEPT = 5  # newest items whose neighbours are mixed in
FADING = 0.8  # weight of the item before relative to the one after it


class NewEvent(NamedTuple):
    """One event since the last scoring, with the neighbours of its item, the nearest first."""

    item: int
    kind: int
    neighbours: list[int]


@dataclass(frozen=True, slots=True)
class Recent:
    """rankings: the neighbours of each item of interest, because of that item, newest first.
    bought: items bought since, whoever sells them again.
    """

    rankings: list[Ranking]
    bought: frozenset[int]


def what_is_new(events: Iterable[NewEvent], *, may_learn: bool) -> Recent:
    """Interests and purchases of events, newest first. Of whoever objects to profiling only the purchases."""
    interests: dict[int, Ranking] = {}
    bought: set[int] = set()
    given_up: set[int] = set()
    for item, kind, neighbours in events:
        if kind == EventType.PURCHASE:
            bought.add(item)
        if kind in LOST:
            given_up.add(item)
        elif may_learn and item not in interests and item not in given_up and len(interests) < KEPT:
            weight = INTEREST[EventType(kind)] * FADING ** len(interests)
            interests[item] = Ranking(neighbours, weight, because_of=item)
    return Recent(list(interests.values()), frozenset(bought))
