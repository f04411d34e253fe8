"""The filters that a template may use: those of Liquid that cannot do harm, and money and dates in the reader's way."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf.locale import LANG_INFO
from django.utils import timezone, translation
from django.utils.formats import date_format
from liquid import RenderContext
from liquid.builtin.filters import array, math, misc, string
from liquid.exceptions import FilterArgumentError
from liquid.filter import string_filter, with_context

from notifications.offers.money import format_money, known_language

# English dates with the month spelled out, because 5/12 and 12/5 are read differently across the ocean.
_ENGLISH_DATES = {"DATE_FORMAT": "j F Y", "MONTH_DAY_FORMAT": "j F"}
_FORMATS = {"long": "DATE_FORMAT", "day": "MONTH_DAY_FORMAT"}


def _reader(context: RenderContext, key: str) -> str:
    customer = context.scope.get("customer")
    return str(customer.get(key) or "") if isinstance(customer, dict) else ""


@with_context
def money(amount: object, currency: object = "", *, context: RenderContext) -> str:
    """`{{ item.price | money: item.currency }}` → `£2.55`; the shop's currency unless told. Empty for no price."""
    if amount is None or str(amount) == "":
        return ""
    shop = context.resolve("shop", default=None)
    code = str(currency or (shop.get("currency") if isinstance(shop, dict) else "") or "")
    language = _reader(context, "language")
    return _money(str(amount), code, language, "" if language in LANG_INFO else translation.get_language())


@lru_cache(maxsize=4096)
def _money(amount: str, code: str, language: str, _active: str | None) -> str:
    """Formatting costs twenty times what remembering does, and shops have few prices."""
    try:
        value = Decimal(amount)
    except InvalidOperation:
        raise FilterArgumentError(f"money needs an amount, not {amount[:40]!r}", token=None) from None
    return format_money(value, code, language)


@with_context
def local_date(moment: object, style: object = "long", *, context: RenderContext) -> str:
    """`{{ coupon.valid_until | date }}` → `5 December 2026`, `| date: "day"` → `5 December`.

    In the customer's language and, where it is known, time zone. Empty for no date.
    """
    if not isinstance(moment, date):
        return ""
    if style not in _FORMATS:
        raise FilterArgumentError(f"date knows the styles {' and '.join(_FORMATS)}", token=None)
    if isinstance(moment, datetime):
        moment = timezone.localtime(moment, _zone(_reader(context, "time_zone"))).date()
    return _date(moment, _FORMATS[str(style)], known_language(_reader(context, "language")))


@lru_cache(maxsize=4096)
def _date(moment: date, name: str, language: str) -> str:
    with translation.override(language):
        return date_format(moment, _ENGLISH_DATES[name] if language.startswith("en") else name)


@string_filter
def initial(text: str) -> str:
    """`{{ item.title | initial }}`: its first letter or digit, in upper case, for a tile instead of a picture."""
    return next((character.upper() for character in text if character.isalnum()), "")


@string_filter
def sentence(text: str) -> str:
    """`{{ item.reason | sentence }}`: the first letter in upper case, the rest as it is."""
    return text[:1].upper() + text[1:]


def _zone(name: str) -> ZoneInfo | Any:
    try:
        return ZoneInfo(name) if name else timezone.get_default_timezone()
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


FILTERS: dict[str, Callable[..., Any]] = {
    "abs": math.abs_,
    "append": string.append,
    "at_least": math.at_least,
    "at_most": math.at_most,
    "capitalize": string.capitalize,
    "ceil": math.ceil,
    "date": local_date,
    "default": misc.default,
    "divided_by": math.divided_by,
    "downcase": string.downcase,
    "escape": string.escape,
    "first": array.first,
    "floor": math.floor,
    "initial": initial,
    "join": array.join,
    "last": array.last,
    "map": array.map_,
    "minus": math.minus,
    "modulo": math.modulo,
    "money": money,
    "newline_to_br": string.newline_to_br,
    "plus": math.plus,
    "prepend": string.prepend,
    "remove": string.remove,
    "replace": string.replace,
    "reverse": array.reverse,
    "round": math.round_,
    "sentence": sentence,
    "size": misc.size,
    "slice": string.slice_,
    "strip": string.strip,
    "times": math.times,
    "truncate": string.truncate,
    "truncatewords": string.truncatewords,
    "upcase": string.upcase,
    "url_encode": string.url_encode,
}
