"""Everything a batch's messages say, fetched in a few queries for the whole batch."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.text import Truncator

from catalog.models import Item
from notifications.channels import delivery_channel
from notifications.channels.base import Address, BadAddressError, Envelope, Notice
from notifications.content.reasons import reason_sentence
from notifications.content.render import CompiledContent, compile_content
from notifications.delivery.claim import Claim
from notifications.listening.links import store_links
from notifications.listening.opens import pixel_html
from notifications.listening.tokens import TokenMaker
from notifications.models import Coupon, Recipient, Run, Variant
from notifications.offers.money import known_language
from notifications.offers.terms import describe_offer
from users.choices import EventType
from users.models import Customer, Event


@dataclass(frozen=True)
class Letter:
    """A claimed message with everything that its rendering needs."""

    claim: Claim
    recipient: Recipient
    addresses: tuple[Address, ...]
    language: str


class Letters:
    """The messages of one run. Variants are compiled once; links are stored once and remembered."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._channel = delivery_channel(run.campaign.channel)
        self._tokens = TokenMaker()
        self._links: dict[str, int] = {}
        self._items: dict[int, Item] = {}
        self._contents: dict[int, CompiledContent] = {}
        self._bought: set[tuple[int, int]] = set()

    def load(self, claims: list[Claim]) -> list[Letter]:
        """The letters of a batch, in its order, less those whose customer was erased since they were claimed."""
        recipients = (
            Recipient.objects.filter(customer__erased_at=None)
            .select_related("customer", "coupon__offer", "variant")
            .defer("customer__email", "customer__phone", "customer__attributes")
            .in_bulk([claim.recipient_id for claim in claims])
        )
        item_ids = {item for recipient in recipients.values() for item in _shown_items(recipient)}
        self._items = Item.objects.defer("description", "attributes").in_bulk(list(item_ids))
        self._bought = _bought(recipients.values())
        self._store_links({recipient.variant.url for recipient in recipients.values() if recipient.variant})
        addresses = self._channel.addresses([recipient.customer_id for recipient in recipients.values()])
        return [
            _letter(claim, recipient, addresses.get(recipient.customer_id, ()))
            for claim in claims
            if (recipient := recipients.get(claim.recipient_id))
        ]

    def render(self, letter: Letter) -> Envelope | Notice:
        """One letter as it is handed to the channel. Raises ContentError, LookupError or BadAddressError."""
        if not letter.addresses:
            raise BadAddressError("The customer has no address on this channel.")
        content = self._content(letter.recipient.variant)
        unsubscribe = self._unsubscribe_url(letter)
        with translation.override(known_language(letter.language)):
            context = self._context(letter, unsubscribe)
            if self._channel.capabilities.takes_mail:
                return _envelope(letter, content, context, self._tokens)
            return self._notice(letter, content, context)

    def _notice(self, letter: Letter, content: CompiledContent, context: dict[str, Any]) -> Notice:
        rendered = content.render_notice(context)
        able = self._channel.capabilities
        first = context["items"][0] if context["items"] else {"url": context["shop"]["url"], "image_url": ""}
        own = letter.recipient.variant.url if letter.recipient.variant else ""
        return Notice(
            message_id=letter.claim.message_id,
            customer_id=letter.recipient.customer_id,
            addresses=letter.addresses,
            title=Truncator(rendered.title).chars(able.title_limit),
            body=Truncator(rendered.body).chars(able.body_limit),
            url=self._click_url(letter, own) if own else first["url"],
            image_url=first["image_url"],
            data={"coupon": context["coupon"]["code"]} if context["coupon"] else {},
            unsubscribe_url=context["links"]["unsubscribe"],
        )

    def _content(self, variant: Variant | None) -> CompiledContent:
        if variant is None:
            raise LookupError("Its variant was deleted.")
        if variant.pk not in self._contents:
            variant.campaign = self.run.campaign
            self._contents[variant.pk] = compile_content(**variant.parts())
        return self._contents[variant.pk]

    def _store_links(self, own: set[str]) -> None:
        destinations: dict[str, int | None] = {url: None for url in (settings.SHOP_URL, *own) if url}
        destinations |= {item.url: item.pk for item in self._items.values() if item.url}
        new = {url: item for url, item in destinations.items() if url not in self._links}
        if new:
            self._links |= store_links(run_id=self.run.pk, destinations=new)

    def _context(self, letter: Letter, unsubscribe: str) -> dict[str, Any]:
        recipient, customer = letter.recipient, letter.recipient.customer
        return {
            "customer": _customer_context(customer, letter.language),
            "shop": {
                "name": settings.SHOP_NAME,
                "url": self._click_url(letter, settings.SHOP_URL),
                "address": settings.SHOP_ADDRESS,
                "currency": settings.SHOP_CURRENCY,
            },
            "items": [
                self._item_context(letter, self._items[item], self._items.get(reason) if reason else None)
                for item, reason in zip(recipient.item_ids, recipient.reason_item_ids, strict=True)
                if item in self._items
            ],
            "coupon": _coupon_context(recipient.coupon, letter.language) if recipient.coupon else None,
            "links": {"preferences": unsubscribe, "unsubscribe": unsubscribe},
            "campaign": {"name": self.run.campaign.name},
        }

    def _item_context(self, letter: Letter, item: Item, reason: Item | None) -> dict[str, Any]:
        return {
            "title": item.title,
            "price": item.price,
            "currency": item.currency,
            "url": self._click_url(letter, item.url or settings.SHOP_URL),
            "image_url": item.image_url,
            "reason": reason_sentence(
                item=item,
                because_of=reason,
                was_bought=reason is not None and (letter.recipient.customer_id, reason.pk) in self._bought,
            ),
        }

    def _click_url(self, letter: Letter, url: str) -> str:
        token = self._tokens.click(message_id=letter.claim.message_id, link_id=self._links[url])
        return f"{settings.BASE_URL}{reverse('click', args=[token])}"

    def _unsubscribe_url(self, letter: Letter) -> str:
        token = self._tokens.unsubscribe(customer_id=letter.recipient.customer_id, message_id=letter.claim.message_id)
        return f"{settings.BASE_URL}{reverse('preferences', args=[token])}"


def _letter(claim: Claim, recipient: Recipient, addresses: tuple[Address, ...]) -> Letter:
    own = recipient.variant.language if recipient.variant else ""
    return Letter(claim, recipient, addresses, own or recipient.customer.language or settings.LANGUAGE_CODE)


def _envelope(letter: Letter, content: CompiledContent, context: dict[str, Any], tokens: TokenMaker) -> Envelope:
    rendered = content.render(context)
    return Envelope(
        message_id=letter.claim.message_id,
        address=letter.addresses[0],
        subject=rendered.subject,
        html=(rendered.html, pixel_html(message_id=letter.claim.message_id, tokens=tokens)),
        text=(rendered.text,),
        unsubscribe_url=context["links"]["unsubscribe"],
    )


def _shown_items(recipient: Recipient) -> list[int]:
    return [*recipient.item_ids, *(reason for reason in recipient.reason_item_ids if reason)]


def _bought(recipients: Iterable[Recipient]) -> set[tuple[int, int]]:
    """Which (customer, reason item) pairs are purchases; the others were looked at only."""
    reasons = {
        recipient.customer_id: [reason for reason in recipient.reason_item_ids if reason] for recipient in recipients
    }
    purchases = Event.objects.filter(
        customer__in=list(reasons),
        item__in={reason for found in reasons.values() for reason in found},
        type=EventType.PURCHASE,
    )
    return set(purchases.values_list("customer_id", "item_id").distinct())


def _customer_context(customer: Customer, language: str) -> dict[str, str]:
    return {"first_name": customer.first_name, "language": language, "country": customer.country}


def _coupon_context(coupon: Coupon, language: str) -> dict[str, Any]:
    return {
        "code": coupon.code,
        "description": describe_offer(coupon.offer, language),
        "minimum_spend": coupon.offer.minimum_spend,
        "value": coupon.offer.value,
        "currency": coupon.offer.currency,
        "valid_until": coupon.valid_until,
    }
