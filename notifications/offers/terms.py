"""The terms of an offer: stored when they make sense, and put into words for shoppers."""

from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import ProtectedError
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from notifications.choices import OfferType
from notifications.models import Offer
from notifications.offers.checks import ALL_TYPE_FIELDS, TYPE_FIELDS, FieldErrors, check_terms
from notifications.offers.money import format_money, known_language

# What a shopper was promised in writing.
PROMISED = ("type", *ALL_TYPE_FIELDS, "currency", "minimum_tier")


class FaultyTermsError(ValueError):
    """The terms make no sense; `errors` says why, by field."""

    def __init__(self, errors: FieldErrors) -> None:
        super().__init__("; ".join(f"{field}: {message}" for field, message in errors.items()))
        self.errors = errors


class OfferInUseError(ValueError):
    """The offer has coupons or campaigns, so it stays."""


def create_offer(**terms: Any) -> Offer:
    """Store a new offer, without what does not belong to its type. Raises FaultyTermsError."""
    offer = Offer(**terms)
    forget_foreign_fields(offer)
    if errors := check_terms(vars(offer)):
        raise FaultyTermsError(errors)
    offer.save(force_insert=True)
    return offer


def change_offer(*, offer: Offer, changed: Iterable[str]) -> None:
    """Store the changed fields of an offer, and only those: its books move meanwhile.

    Raises FaultyTermsError for terms that make no sense, or that issued coupons promise otherwise.
    """
    names = set(changed)
    errors = check_terms(vars(offer))
    if names & set(PROMISED) and offer.coupons.exists():
        told = _("Coupons of this offer were issued; make a new offer instead.")
        errors |= dict.fromkeys(sorted(names & set(PROMISED)), told)
    if errors:
        raise FaultyTermsError(errors)
    if "type" in names:
        names |= forget_foreign_fields(offer)
    if names:
        offer.save(update_fields=names)


def delete_offer(*, offer: Offer) -> None:
    """Remove an offer that nothing refers to. Raises OfferInUseError."""
    try:
        offer.delete()
    except ProtectedError as error:
        raise OfferInUseError(_("Coupons or campaigns use this offer, so it stays.")) from error


def forget_foreign_fields(offer: Offer) -> set[str]:
    """Set what does not belong to the offer's type to its default; returns the names of those fields."""
    untouched = Offer()
    foreign = set(ALL_TYPE_FIELDS) - set(TYPE_FIELDS.get(offer.type, ALL_TYPE_FIELDS))
    for field in Offer._meta.concrete_fields:
        if field.name in foreign:
            setattr(offer, field.name, field.to_python(getattr(untouched, field.name)))
    return foreign


def describe_offer(offer: Offer, language: str = "") -> str:
    """The terms in one line, in the shopper's language: “£5.00 off when you spend £30.00”."""

    def money(amount: Decimal) -> str:
        return format_money(amount, offer.currency, language)

    with translation.override(known_language(language)):
        text = _describe_gain(offer, money)
        if offer.minimum_spend:
            text = _("%(off)s when you spend %(minimum)s") % {"off": text, "minimum": money(offer.minimum_spend)}
        for step in offer.steps:
            further = _("%(value)s off") % {"value": money(Decimal(step["save"]))}
            words = {"off": further, "minimum": money(Decimal(step["spend"]))}
            text += _between() + _("%(off)s when you spend %(minimum)s") % words
        if offer.minimum_quantity:
            text += _between() + ngettext("from %(n)d item", "from %(n)d items", offer.minimum_quantity) % {
                "n": offer.minimum_quantity
            }
        if offer.maximum_discount is not None:
            text = _("%(off)s, at most %(maximum)s") % {"off": text, "maximum": money(offer.maximum_discount)}
        return text


def _between() -> str:
    return translation.pgettext("between parts of a validity", ", ")


def _describe_gain(offer: Offer, money: Callable[[Decimal], str]) -> str:
    """What the shopper gets, without the conditions."""
    counts = {"buy": offer.buy_quantity, "get": offer.get_quantity, "value": f"{offer.value.normalize():f}"}
    match offer.type:
        case OfferType.PERCENT:
            text = _("%(value)s%% off") % counts
        case OfferType.LIMITED_PRICE:
            lowest = min(Decimal(price) for price in offer.item_prices.values())
            text = _("selected items from %(price)s") % {"price": money(lowest)}
        case OfferType.BUY_X_GET_Y if offer.value == 100:
            text = _("buy %(buy)d, get %(get)d free") % counts
        case OfferType.BUY_X_GET_Y:
            text = _("buy %(buy)d, get %(get)d at %(value)s%% off") % counts
        case OfferType.FREE_SHIPPING:
            text = _("free shipping")
        case OfferType.GIFT:
            text = _("a gift worth %(value)s") % {"value": money(offer.value)}
        case OfferType.POINTS:
            text = ngettext("%(n)d point", "%(n)d points", int(offer.value)) % {"n": int(offer.value)}
        case _:
            text = _("%(value)s off") % {"value": money(offer.value)}
    return text


def describe_validity(offer: Offer) -> str:
    """When coupons of this offer can be used, in the active language."""
    parts = []
    if offer.valid_days is not None:
        parts.append(
            ngettext("for %(days)d day from issue", "for %(days)d days from issue", offer.valid_days)
            % {"days": offer.valid_days}
        )
    if offer.valid_from is not None:
        parts.append(_("from %(day)s") % {"day": _day(offer.valid_from)})
    if offer.valid_until is not None:
        parts.append(_("until %(day)s") % {"day": _day(offer.valid_until)})
    return _between().join(parts)


def _day(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), "DATE_FORMAT")
