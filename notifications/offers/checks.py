"""Which fields belong to which type of offer, and whether the terms make sense."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.translation import gettext as _

from catalog.models import Category, Item
from notifications.choices import CodeSource, OfferType, Stacking
from notifications.offers.money import minor_unit
from notifications.offers.scope import KINDS, SIDES

FieldErrors = dict[str, str]

_CONDITIONS = ("scope", "minimum_spend", "minimum_quantity")
# Fields that only some types have; on the others they stay at their default.
TYPE_FIELDS: dict[str, tuple[str, ...]] = {
    OfferType.PERCENT: ("value", *_CONDITIONS, "maximum_discount"),
    OfferType.FIXED_AMOUNT: ("value", *_CONDITIONS, "maximum_discount"),
    OfferType.SPEND_SAVE: ("value", *_CONDITIONS, "steps", "maximum_discount"),
    OfferType.LIMITED_PRICE: ("item_prices", *_CONDITIONS, "maximum_quantity", "maximum_discount"),
    OfferType.BUY_X_GET_Y: (
        *("value", "buy_quantity", "get_quantity", "reward_items", *_CONDITIONS, "maximum_quantity"),
        "maximum_discount",
    ),
    OfferType.FREE_SHIPPING: (*_CONDITIONS, "maximum_discount"),
    OfferType.GIFT: ("value", "reward_items", "get_quantity", *_CONDITIONS),
    OfferType.POINTS: ("value", *_CONDITIONS),
}
ALL_TYPE_FIELDS = tuple(dict.fromkeys(name for names in TYPE_FIELDS.values() for name in names))
_PERCENTAGES = frozenset({OfferType.PERCENT, OfferType.BUY_X_GET_Y})
_MONEY_VALUES = frozenset({OfferType.FIXED_AMOUNT, OfferType.SPEND_SAVE, OfferType.GIFT})


def check_terms(terms: Mapping[str, Any]) -> FieldErrors:
    """What is wrong with the terms of a new or changed offer, by field; empty when nothing is."""
    kind, currency = terms.get("type"), terms.get("currency", "")
    errors = _check_value(terms.get("value"), kind, currency) if "value" in TYPE_FIELDS.get(kind or "", ()) else {}
    errors |= _check_spend(terms)
    if kind == OfferType.SPEND_SAVE:
        errors |= _check_steps(terms)
    if kind == OfferType.LIMITED_PRICE:
        errors |= _check_prices(terms.get("item_prices"), currency)
    if kind in (OfferType.BUY_X_GET_Y, OfferType.GIFT):
        errors |= _check_rewards(terms, kind)
    if terms.get("maximum_discount") is not None and terms["maximum_discount"] <= 0:
        errors["maximum_discount"] = _("The maximum discount must be above 0; leave it empty for none.")
    errors |= _check_scope(terms.get("scope") or {})
    errors |= _check_limits(terms)
    return errors | _check_validity(terms.get("valid_from"), terms.get("valid_until"), terms.get("valid_days"))


def _check_value(value: Decimal | None, kind: str | None, currency: str) -> FieldErrors:
    if value is None:
        return {}
    if value <= 0:
        return {"value": _("The value must be above 0.")}
    if kind in _PERCENTAGES and value > 100:
        return {"value": _("A percentage cannot be above 100.")}
    if kind == OfferType.POINTS and value % 1:
        return {"value": _("Points are whole numbers.")}
    return _check_coins("value", value, currency) if kind in _MONEY_VALUES else {}


def _check_coins(field: str, amount: Decimal, currency: str) -> FieldErrors:
    if amount % minor_unit(currency):
        return {
            field: _("%(currency)s has no smaller unit than %(unit)s.")
            % {"currency": currency, "unit": minor_unit(currency)}
        }
    return {}


def _check_spend(terms: Mapping[str, Any]) -> FieldErrors:
    minimum: Decimal = terms.get("minimum_spend") or Decimal(0)
    if minimum < 0:
        return {"minimum_spend": _("The minimum spend cannot be negative.")}
    value: Decimal | None = terms.get("value")
    if terms.get("type") == OfferType.SPEND_SAVE and value is not None and minimum <= value:
        return {"minimum_spend": _("The minimum spend must be above what is saved.")}
    return {}


def _check_steps(terms: Mapping[str, Any]) -> FieldErrors:
    """Each step asks for more than the one before and gives more; none gives all that it asks for."""
    spend, save = terms.get("minimum_spend") or Decimal(0), terms.get("value") or Decimal(0)
    for number, step in enumerate(terms.get("steps") or [], start=2):
        next_spend, next_save = _money(step, "spend"), _money(step, "save")
        if next_spend is None or next_save is None:
            return {"steps": _("Step %(n)d needs two amounts: what is spent and what is saved.") % {"n": number}}
        if next_spend <= spend or next_save <= save:
            return {"steps": _("Step %(n)d must ask for more and save more than the one before.") % {"n": number}}
        if next_save >= next_spend:
            return {"steps": _("Step %(n)d saves all that it asks for.") % {"n": number}}
        if errors := _check_coins("steps", next_save, terms.get("currency", "")):
            return errors
        spend, save = next_spend, next_save
    return {}


def _money(holder: Any, key: str) -> Decimal | None:
    try:
        amount = Decimal(str(holder[key]))
    except (KeyError, TypeError, InvalidOperation):
        return None
    return amount if amount.is_finite() and 0 <= amount < 10**12 else None


def _check_prices(prices: Any, currency: str) -> FieldErrors:
    if not isinstance(prices, dict) or not prices:
        return {"item_prices": _("Name at least one item and its special price.")}
    for item_id in prices:
        price = _money(prices, item_id)
        if price is None:
            return {"item_prices": _("The price of “%(item)s” must be an amount from 0.") % {"item": item_id}}
        if errors := _check_coins("item_prices", price, currency):
            return errors
    return _unknown("item_prices", _missing_items(prices))


def _check_rewards(terms: Mapping[str, Any], kind: str) -> FieldErrors:
    errors: FieldErrors = {}
    if kind == OfferType.BUY_X_GET_Y:
        for name in ("buy_quantity", "get_quantity"):
            if not terms.get(name):
                errors[name] = _("At least 1.")
    rewards = terms.get("reward_items") or []
    if kind == OfferType.GIFT and not rewards:
        errors["reward_items"] = _("Name the item that is given.")
    if terms.get("maximum_quantity") == 0:
        errors["maximum_quantity"] = _("At least 1; leave it empty for no limit.")
    return errors | (_unknown("reward_items", _missing_items(rewards)) if rewards else {})


def _check_scope(scope: Any) -> FieldErrors:
    shape = _("A scope has “include” and “exclude”, each with lists “items”, “categories” and “brands”.")
    if not isinstance(scope, dict) or set(scope) - set(SIDES):
        return {"scope": shape}
    for side in scope.values():
        if not isinstance(side, dict) or set(side) - set(KINDS):
            return {"scope": shape}
        if not all(isinstance(names, list) and all(isinstance(n, str) and n for n in names) for names in side.values()):
            return {"scope": shape}
    included, excluded = scope.get("include") or {}, scope.get("exclude") or {}
    if scope and not any((*included.values(), *excluded.values())):
        return {"scope": _("The scope is empty: name an item, a category or a brand, or leave the scope out.")}
    if any(included.values()) and all(set(included[kind]) <= set(excluded.get(kind, ())) for kind in included):
        return {"scope": _("The scope excludes everything that it includes.")}
    return _unknown("scope", _missing(included) + _missing(excluded))


def _missing(side: Mapping[str, list[str]]) -> list[str]:
    """The names of one side that the catalogue does not have."""
    missing = _missing_items(side["items"]) if side.get("items") else []
    if categories := set(side.get("categories", ())):
        missing += sorted(categories - _known(Category.objects, "external_id", categories))
    if brands := set(side.get("brands", ())):
        missing += sorted(brands - _known(Item.objects, "brand", brands))
    return missing


def _missing_items(item_ids: Iterable[str]) -> list[str]:
    wanted = set(item_ids)
    return sorted(wanted - _known(Item.objects, "external_id", wanted))


def _known(rows: Any, column: str, names: set[str]) -> set[str]:
    return set(rows.filter(**{f"{column}__in": names}).values_list(column, flat=True).distinct())


def _unknown(field: str, names: list[str]) -> FieldErrors:
    if not names:
        return {}
    return {field: _("The catalogue does not have: %(names)s.") % {"names": ", ".join(names[:10])}}


def _check_limits(terms: Mapping[str, Any]) -> FieldErrors:
    errors: FieldErrors = {}
    budget: Decimal | None = terms.get("budget")
    promised = (terms.get("reserved") or Decimal(0)) + (terms.get("committed") or Decimal(0))
    if budget is not None and budget < 0:
        errors["budget"] = _("The budget cannot be negative; leave it empty for none.")
    elif budget is not None and budget < promised:
        errors["budget"] = _("%(promised)s of the budget is used already.") % {"promised": promised}
    if terms.get("uses_per_coupon") == 0:
        errors["uses_per_coupon"] = _("A coupon must be usable at least once.")
    for name in ("total_limit", "customer_limit", "points_price"):
        if terms.get(name) == 0:
            errors[name] = _("At least 1; leave it empty for no limit.")
    total = terms.get("total_limit")
    if total and total < (terms.get("redeemed") or 0):
        errors["total_limit"] = _("%(uses)d uses are taken already.") % {"uses": terms["redeemed"]}
    if terms.get("stacking_group") and terms.get("stacking", Stacking.EXCLUSIVE) == Stacking.EXCLUSIVE:
        errors["stacking_group"] = _("An offer that stands alone on an order has no group.")
    if terms.get("code_source") == CodeSource.IMPORTED and (terms.get("uses_per_coupon") or 1) > 1:
        errors["uses_per_coupon"] = _("An imported code is used once.")
    return errors


def _check_validity(valid_from: datetime | None, valid_until: datetime | None, valid_days: int | None) -> FieldErrors:
    if valid_from and valid_until and valid_until <= valid_from:
        return {"valid_until": _("The offer ends before it starts.")}
    if valid_until is None and valid_days is None:
        return {"valid_days": _("Set an end, or for how many days a coupon is valid.")}
    if valid_days == 0:
        return {"valid_days": _("A coupon must be valid for at least one day.")}
    return {}
