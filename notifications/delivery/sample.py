"""A variant as some customer would see it, before anything is sent."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from catalog.models import Item
from notifications.content.errors import ContentError
from notifications.content.reasons import reason_sentence
from notifications.content.render import RenderedContent, compile_content
from notifications.models import Campaign, Offer, Tier, Variant
from notifications.offers.issue import OfferNotIssuableError, coupon_validity
from notifications.offers.money import known_language
from notifications.offers.terms import describe_offer


def sample_content(variant: Variant) -> RenderedContent:
    """`variant` rendered with items of the catalogue, the campaign's offer and links that lead nowhere.

    Raises ContentError for a template that cannot be used.
    """
    content = compile_content(**variant.parts())
    language = known_language(variant.language or settings.LANGUAGE_CODE)
    with translation.override(language):
        return content.render(_sample_context(variant.campaign, language))


def sample_mail(variant: Variant) -> tuple[str, str]:
    """Subject and HTML of `sample_content`; in their place the source and what is wrong with the template."""
    try:
        content = sample_content(variant)
    except ContentError as error:
        return variant.subject, str(error)
    return content.subject, content.html


def sample_notice(variant: Variant) -> dict[str, str]:
    """`title`, `body` and `image_url` of a push message as some customer would see it; or its source and `problem`."""
    language = known_language(variant.language or settings.LANGUAGE_CODE)
    try:
        content = compile_content(**variant.parts())
        with translation.override(language):
            context = _sample_context(variant.campaign, language)
            notice = content.render_notice(context)
    except ContentError as error:
        return {"title": variant.subject, "body": variant.body, "image_url": "", "problem": str(error)}
    image = next((item["image_url"] for item in context["items"]), "")
    return {"title": notice.title, "body": notice.body, "image_url": image, "problem": ""}


def _sample_context(campaign: Campaign, language: str) -> dict[str, Any]:
    items = list(Item.objects.filter(is_active=True).order_by("pk")[: campaign.item_count + 1])
    coupon = _sample_coupon(campaign.offer, language) if campaign.offer else None
    shown = [_sample_item(item, because_of=None if number else items[-1]) for number, item in enumerate(items)]
    return {
        "customer": {"first_name": _("Ada"), "language": language, "country": ""},
        "shop": {
            "name": settings.SHOP_NAME,
            "url": "#",
            "address": settings.SHOP_ADDRESS,
            "currency": settings.SHOP_CURRENCY,
        },
        "items": shown[: campaign.item_count],
        "trigger": {
            "items": [{**item, "reason": "", "quantity": 1, "was": dearer(item["price"])} for item in shown[:2]],
            "coupon": coupon,
        },
        "coupon": coupon,
        "points": {
            "balance": 1240,
            "expiring": 300,
            "expires_at": timezone.now() + timedelta(days=20),
            "tier": Tier.objects.order_by("-rank").values_list("name", flat=True).first() or "",
        },
        "links": {"preferences": "#", "unsubscribe": "#"},
        "campaign": {"name": campaign.name},
    }


def dearer(price: Decimal | None) -> Decimal | None:
    """A price before it dropped by a fifth, for examples."""
    return None if price is None else (price * Decimal("1.25")).quantize(price)


def _sample_item(item: Item, *, because_of: Item | None) -> dict[str, Any]:
    return {
        "title": item.title,
        "price": item.price,
        "currency": item.currency,
        "url": "#",
        "image_url": item.image_url,
        "reason": reason_sentence(item=item, because_of=because_of, was_bought=True),
    }


def _sample_coupon(offer: Offer, language: str) -> dict[str, Any]:
    try:
        _start, end = coupon_validity(offer=offer, issued_at=timezone.now())
    except OfferNotIssuableError:
        end = offer.valid_until or timezone.now() + timedelta(days=offer.valid_days or 0)
    return {
        "code": "SAMPLE-CODE",
        "description": describe_offer(offer, language),
        "minimum_spend": offer.minimum_spend,
        "value": offer.value,
        "currency": offer.currency,
        "valid_until": end,
    }
