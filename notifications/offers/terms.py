"""The terms of an offer: whether they make sense, and how a shopper reads them."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from notifications.choices import OfferType
from notifications.models import Offer
from notifications.offers.money import format_money, known_language, minor_unit

FieldErrors = dict[str, str]


def check_terms(terms: Mapping[str, Any]) -> FieldErrors:
    """What is wrong with the terms of a new or changed offer, by field; empty when nothing is."""
    errors: FieldErrors = {}
    value: Decimal | None = terms.get("value")
    if value is not None and value <= 0:
        errors["value"] = _("The value must be above 0.")
    elif value is not None and terms.get("type") == OfferType.PERCENT and value > 100:
        errors["value"] = _("A percentage cannot be above 100.")
    elif value is not None and terms.get("type") != OfferType.PERCENT:
        errors |= _check_coins("value", value, terms.get("currency", ""))
    errors |= _check_spend(terms, value)
    if terms.get("maximum_discount") is not None and terms["maximum_discount"] <= 0:
        errors["maximum_discount"] = _("The maximum discount must be above 0; leave it empty for none.")
    errors |= _check_budget(terms)
    if terms.get("uses_per_coupon") == 0:
        errors["uses_per_coupon"] = _("A coupon must be usable at least once.")
    return errors | _check_validity(terms.get("valid_from"), terms.get("valid_until"), terms.get("valid_days"))


def _check_coins(field: str, amount: Decimal, currency: str) -> FieldErrors:
    if amount % minor_unit(currency):
        return {field: _("%(currency)s has no smaller unit than 1.") % {"currency": currency}}
    return {}


def _check_spend(terms: Mapping[str, Any], value: Decimal | None) -> FieldErrors:
    minimum: Decimal = terms.get("minimum_spend") or Decimal(0)
    if minimum < 0:
        return {"minimum_spend": _("The minimum spend cannot be negative.")}
    if terms.get("type") == OfferType.SPEND_SAVE and value is not None and minimum <= value:
        return {"minimum_spend": _("The minimum spend must be above what is saved.")}
    return {}


def _check_budget(terms: Mapping[str, Any]) -> FieldErrors:
    budget: Decimal | None = terms.get("budget")
    promised = (terms.get("reserved") or Decimal(0)) + (terms.get("committed") or Decimal(0))
    if budget is not None and budget < 0:
        return {"budget": _("The budget cannot be negative; leave it empty for none.")}
    if budget is not None and budget < promised:
        return {"budget": _("%(promised)s of the budget is used already.") % {"promised": promised}}
    return {}


def _check_validity(valid_from: datetime | None, valid_until: datetime | None, valid_days: int | None) -> FieldErrors:
    if valid_from and valid_until and valid_until <= valid_from:
        return {"valid_until": _("The offer ends before it starts.")}
    if valid_until is None and valid_days is None:
        return {"valid_days": _("Set an end, or for how many days a coupon is valid.")}
    if valid_days == 0:
        return {"valid_days": _("A coupon must be valid for at least one day.")}
    return {}


def create_offer(**terms: Any) -> Offer:
    """Store a new offer. Raises ValueError naming the fields when `check_terms` finds fault."""
    if errors := check_terms(terms):
        raise ValueError("; ".join(f"{field}: {message}" for field, message in errors.items()))
    return Offer.objects.create(**terms)


def change_offer(*, offer: Offer, changed: Iterable[str]) -> None:
    """Store the changed fields of an offer, and only those: `reserved` and `committed` move meanwhile.

    Raises ValueError naming the fields when `check_terms` finds fault.
    """
    if errors := check_terms(vars(offer)):
        raise ValueError("; ".join(f"{field}: {message}" for field, message in errors.items()))
    offer.save(update_fields=list(changed))


def describe_offer(offer: Offer, language: str = "") -> str:
    """The terms in one line, in the shopper's language: “£5.00 off when you spend £30.00”."""

    def money(amount: Decimal) -> str:
        return format_money(amount, offer.currency, language)

    with translation.override(known_language(language)):
        percent = f"{offer.value.normalize():f}"
        off = _("%(value)s%% off") % {"value": percent} if offer.type == OfferType.PERCENT else None
        text = off or _("%(value)s off") % {"value": money(offer.value)}
        if offer.minimum_spend:
            text = _("%(off)s when you spend %(minimum)s") % {"off": text, "minimum": money(offer.minimum_spend)}
        if offer.maximum_discount is not None:
            text = _("%(off)s, at most %(maximum)s") % {"off": text, "maximum": money(offer.maximum_discount)}
        return text


def describe_validity(offer: Offer) -> str:
    """When coupons of this offer can be used, in the active language."""
    parts = []
    if offer.valid_days is not None:
        parts.append(
            translation.ngettext("for %(days)d day from issue", "for %(days)d days from issue", offer.valid_days)
            % {"days": offer.valid_days}
        )
    if offer.valid_from is not None:
        parts.append(_("from %(day)s") % {"day": _day(offer.valid_from)})
    if offer.valid_until is not None:
        parts.append(_("until %(day)s") % {"day": _day(offer.valid_until)})
    return translation.pgettext("between parts of a validity", ", ").join(parts)


def _day(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), "DATE_FORMAT")
