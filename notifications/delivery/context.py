"""What a message's template sees: items, coupon, links, customer. What many messages share is looked up once."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.conf import settings
from django.urls import reverse
from django.utils import translation

from catalog.models import Item
from notifications.content.reasons import reason_sentence
from notifications.delivery.subjects import Subjects
from notifications.listening.links import store_links
from notifications.listening.tokens import TokenMaker
from notifications.membership.standing import NO_POINTS, Points, points_of
from notifications.models import Offer, Run
from notifications.offers.money import known_language
from notifications.offers.terms import describe_offer
from users.choices import EventType
from users.models import Event

REMEMBERED_ITEMS = 20_000  # ten megabytes


class ShownItem(NamedTuple):
    """What a message says of an item."""

    pk: int
    title: str
    price: Decimal | None
    currency: str
    url: str
    image_url: str


@dataclass(frozen=True, slots=True)
class Addressee:
    """What was decided for one recipient, and what is said of the customer."""

    message_id: int
    customer_id: int
    variant_id: int | None
    first_name: str
    language: str
    country: str
    item_ids: list[int]
    reason_item_ids: list[int | None]
    coupon_code: str | None
    coupon_until: datetime | None
    offer_id: int | None


class Contexts:
    """The contexts of one run's messages. `prepare` fetches for a whole batch what `build` needs.

    Points are fetched only where `says_points`: most messages do not mention them.
    """

    def __init__(self, run: Run, *, destinations: Iterable[str] = (), says_points: bool = False) -> None:
        self.run = run
        self._says_points = says_points
        self._points: dict[int, Points] = {}
        self._destinations = {url for url in (settings.SHOP_URL, *destinations) if url}
        self._tokens = TokenMaker()
        self._links: dict[str, int] = {}
        self._items: dict[int, ShownItem] = {}
        self._subjects = Subjects(run.pk, [])
        self._offers: dict[int, Offer] = {}
        self._bought: set[tuple[int, int]] = set()
        self._shown: dict[tuple[int, int | None, bool, str], dict[str, Any]] = {}
        self._described: dict[tuple[int, str], dict[str, Any]] = {}
        self._click_url = _around_token("click")
        self._preferences_url = _around_token("preferences")

    def prepare(self, addressees: list[Addressee]) -> None:
        """Fetch items, offers and purchases that are not known yet, and store the links."""
        if len(self._items) > REMEMBERED_ITEMS:
            for remembered in (self._items, self._shown, self._links):
                remembered.clear()
        item_ids = {item for each in addressees for item in (*each.item_ids, *each.reason_item_ids) if item}
        self._subjects = Subjects(self.run.pk, [each.customer_id for each in addressees])
        self._offers |= self._subjects.offers
        item_ids |= self._subjects.item_ids
        new = Item.objects.filter(pk__in=item_ids - self._items.keys()).values_list(*ShownItem._fields)
        self._items |= {item[0]: ShownItem(*item) for item in new}
        offers = {each.offer_id for each in addressees if each.offer_id} - self._offers.keys()
        if offers:
            self._offers |= Offer.objects.in_bulk(list(offers))
        self._bought = _bought(addressees)
        if self._says_points:
            self._points = points_of([each.customer_id for each in addressees])
        self._store_links(item_ids)

    def unsubscribe_url(self, addressee: Addressee) -> str:
        """The link that opens the customer's preferences, and unsubscribes on a POST."""
        token = self._tokens.unsubscribe(customer_id=addressee.customer_id, message_id=addressee.message_id)
        return token.join(self._preferences_url)

    def build(self, addressee: Addressee) -> dict[str, Any]:
        """The context as `content.check.CONTEXT` describes it, in the language of the addressee."""
        unsubscribe = self.unsubscribe_url(addressee)
        items = zip(addressee.item_ids, addressee.reason_item_ids, strict=True)
        return {
            "customer": {
                "first_name": addressee.first_name,
                "language": addressee.language,
                "country": addressee.country,
            },
            "shop": {
                "name": settings.SHOP_NAME,
                "url": self.tracked(addressee, settings.SHOP_URL),
                "address": settings.SHOP_ADDRESS,
                "currency": settings.SHOP_CURRENCY,
            },
            "items": [self._item(addressee, item, reason) for item, reason in items if item in self._items],
            "coupon": self._coupon(addressee) if addressee.coupon_code else None,
            "trigger": {
                "items": [
                    {**self._item(addressee, line.item_id, None), "quantity": line.quantity, "was": line.was}
                    for line in self._subjects.lines(addressee.customer_id)
                    if line.item_id in self._items
                ],
                "coupon": self._coupon(holder) if (holder := self._subjects.holder(addressee)) else None,
            },
            "points": self._points.get(addressee.customer_id, NO_POINTS)._asdict(),
            "links": {"preferences": unsubscribe, "unsubscribe": unsubscribe},
            "campaign": {"name": self.run.campaign.name},
        }

    def _item(self, addressee: Addressee, item_id: int, reason_id: int | None) -> dict[str, Any]:
        item = self._items[item_id]
        was_bought = reason_id is not None and (addressee.customer_id, reason_id) in self._bought
        key = (item_id, reason_id, was_bought, addressee.language)
        if key not in self._shown:
            because_of = self._items.get(reason_id) if reason_id else None
            with translation.override(known_language(addressee.language)):
                reason = reason_sentence(item=item, because_of=because_of, was_bought=was_bought)
            self._shown[key] = {
                "title": item.title,
                "price": item.price,
                "currency": item.currency,
                "image_url": item.image_url,
                "reason": reason,
            }
        return {**self._shown[key], "url": self.tracked(addressee, item.url or settings.SHOP_URL)}

    def _coupon(self, addressee: Addressee) -> dict[str, Any]:
        offer = self._offers[addressee.offer_id or 0]
        key = (offer.pk, addressee.language)
        if key not in self._described:
            self._described[key] = {
                "description": describe_offer(offer, addressee.language),
                "minimum_spend": offer.minimum_spend,
                "value": offer.value,
                "currency": offer.currency,
            }
        return {**self._described[key], "code": addressee.coupon_code, "valid_until": addressee.coupon_until}

    def tracked(self, addressee: Addressee, url: str) -> str:
        """The click link of the message that leads to `url`, one of the destinations or an item's."""
        token = self._tokens.click(message_id=addressee.message_id, link_id=self._links[url])
        return token.join(self._click_url)

    def _store_links(self, item_ids: Iterable[int]) -> None:
        destinations: dict[str, int | None] = dict.fromkeys(self._destinations)
        shown = (self._items[item] for item in item_ids if item in self._items)
        destinations |= {item.url: item.pk for item in shown if item.url}
        new = {url: item for url, item in destinations.items() if url not in self._links}
        if new:
            self._links |= store_links(run_id=self.run.pk, destinations=new)


def _around_token(name: str) -> tuple[str, str]:
    """The parts of a URL before and after its token."""
    before, _, after = f"{settings.BASE_URL}{reverse(name, args=['TOKEN'])}".partition("TOKEN")
    return before, after


def _bought(addressees: Iterable[Addressee]) -> set[tuple[int, int]]:
    """Which (customer, reason item) pairs are purchases; the others were looked at only."""
    reasons = {each.customer_id: [item for item in each.reason_item_ids if item] for each in addressees}
    customers = [customer for customer, items in reasons.items() if items]
    if not customers:
        return set()
    purchases = Event.objects.filter(
        customer__in=customers,
        item__in={reason for found in reasons.values() for reason in found},
        type=EventType.PURCHASE,
    )
    return set(purchases.values_list("customer_id", "item_id").distinct())
