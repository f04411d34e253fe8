"""What a customer did since the stored rows were computed."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from recommendations.models import ItemLinks
from recommendations.serving.fusion import Ranking
from users.choices import ConsentPurpose, EventType
from users.models import Consent, Event

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
LOOKED_AT = 30  # newest events
KEPT = 5  # newest items among them whose neighbours are mixed in
FADING = 0.8  # weight of the item before relative to the one after it
NEIGHBOURS = 15  # of each item
OLDEST = timedelta(days=90)  # of events for a customer who was never scored
OVERLAP = timedelta(minutes=1)  # an event may have been on its way in when the scoring began
LATE = timedelta(days=7)  # an event may arrive so long after it happened


@dataclass(frozen=True, slots=True)
class Recent:
    """interests: items and their weights, newest first. bought: items bought since, whoever sells them again."""

    interests: dict[int, float]
    bought: frozenset[int]

    def rankings(self) -> list[Ranking]:
        """The neighbours of each item of interest, each because of that item; one query."""
        if not self.interests:
            return []
        links = ItemLinks.objects.only("similar_ids").in_bulk(list(self.interests))
        return [
            Ranking(links[item].similar_ids[:NEIGHBOURS], weight, because_of=item)
            for item, weight in self.interests.items()
            if item in links
        ]


def what_is_new(*, customer_id: int, scored_at: datetime | None) -> Recent:
    """What came in since `scored_at`. Nothing for a customer who objects to profiling, except what was bought."""
    events = Event.objects.filter(
        customer_id=customer_id,
        item_id__isnull=False,
        type__in=[*INTEREST, *LOST],
        occurred_at__gte=scored_at - LATE if scored_at else timezone.now() - OLDEST,
    ).exclude(suspect__gt=0)
    if scored_at:
        events = events.filter(received_at__gt=scored_at - OVERLAP)
    newest = list(events.order_by("-occurred_at", "-id").values_list("item_id", "type")[:LOOKED_AT])
    bought = frozenset(item for item, kind in newest if kind == EventType.PURCHASE)
    if not newest or _objects(customer_id):
        return Recent({}, bought)
    interests: dict[int, float] = {}
    given_up: set[int] = set()
    for item, kind in newest:
        if kind in LOST:
            given_up.add(item)
        elif item not in interests and item not in given_up and len(interests) < KEPT:
            interests[item] = INTEREST[EventType(kind)] * FADING ** len(interests)
    return Recent(interests, bought)


def _objects(customer_id: int) -> bool:
    """Whether the customer said last that nothing may be learnt from what it does."""
    stated = Consent.objects.filter(customer_id=customer_id, purpose=ConsentPurpose.PROFILING)
    return stated.order_by("-recorded_at", "-id").values_list("granted", flat=True).first() is False
