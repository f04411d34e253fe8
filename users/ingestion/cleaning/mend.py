"""Rows as they should have been sent. Called once per batch, before validation; sound rows pass untouched."""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings

from catalog.mending import Mended, is_plain, mend_code, mend_currency, mend_prose
from catalog.tally import Tally
from catalog.validation import is_currency
from users.ingestion.cleaning.samples import shown
from users.ingestion.inputs import CustomerInput, EventInput, OrderInput, OrderLine

COUNTRY_NAME = "country_name"
LANGUAGE_TAG = "language_tag"
NEGATIVE_QUANTITY = "negative_quantity"

# From Unicode's CLDR: the code, its three-letter form, and the country's names in its own and in six large languages.
_COUNTRIES = Path(__file__).parent / "countries.tsv"
_LANGUAGES = {
    "english": "en",
    "deutsch": "de",
    "german": "de",
    "français": "fr",
    "french": "fr",
    "español": "es",
    "spanish": "es",
    "italiano": "it",
    "italian": "it",
    "chinese": "zh",
    "中文": "zh",
    "简体中文": "zh-hans",
    "繁體中文": "zh-hant",
    "繁体中文": "zh-hant",
    "日本語": "ja",
    "japanese": "ja",
    "한국어": "ko",
    "korean": "ko",
}
_LOCALE = re.compile(r"([A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*)(?:[.@].*)?")


def mend_id(value: str) -> str:
    """An id as it is stored and looked up."""
    return mend_code(value)[0]


def mend_events(events: Iterable[EventInput], tally: Tally) -> list[EventInput]:
    """The events, mended; what was changed is noted in `tally`."""
    return [event if _is_sound(event) else _mend_event(event, tally) for event in events]


def _is_sound(event: EventInput) -> bool:
    """A cheap look that lets almost every row pass: ids and currency are plain, and nothing is negative."""
    ids = f"{event.customer_id}{event.item_id}{event.anonymous_id}{event.order_id}"
    return (
        is_plain(ids)
        and (not event.currency or is_currency(event.currency))
        and (event.quantity is None or event.quantity > 0)
    )


def _mend_event(event: EventInput, tally: Tally) -> EventInput:
    menders: dict[str, Callable[[str], Mended]] = {
        **dict.fromkeys(("customer_id", "anonymous_id", "item_id", "order_id"), mend_code),
        "currency": _mend_currency,
    }
    changes = _mend(event, event.message_id, menders, tally)
    if event.type == "purchase" and event.quantity is not None and event.quantity < 0:
        changes |= {"type": "refund", "quantity": -event.quantity}
        tally.note(NEGATIVE_QUANTITY, event.message_id, f"{event.quantity} → {-event.quantity}")
    return replace(event, **changes)


def mend_orders(orders: Iterable[OrderInput], tally: Tally) -> list[OrderInput]:
    """The orders, mended; what was changed is noted in `tally`."""
    return [_mend_order(order, tally) for order in orders]


def _mend_order(order: OrderInput, tally: Tally) -> OrderInput:
    ids = f"{order.order_id}{order.customer_id}{order.anonymous_id}{''.join(line.item_id for line in order.lines)}"
    if is_plain(ids) and is_currency(order.currency):
        return order
    menders = {
        **dict.fromkeys(("order_id", "customer_id", "anonymous_id"), mend_code),
        "currency": _mend_currency,
    }
    changes = _mend(order, order.order_id, menders, tally)
    changes["lines"] = tuple(_mend_line(line, order, tally) for line in order.lines)
    return replace(order, **changes)


def _mend_line(line: OrderLine, order: OrderInput, tally: Tally) -> OrderLine:
    return replace(line, **_mend(line, order.order_id, {"item_id": mend_code}, tally))


def mend_customers(customers: Iterable[CustomerInput], tally: Tally) -> list[CustomerInput]:
    """The customers, mended; what was changed is noted in `tally`."""
    menders: dict[str, Callable[[str], Mended]] = {
        **dict.fromkeys(("external_id", "email", "phone", "time_zone"), mend_code),
        **dict.fromkeys(("first_name", "last_name"), mend_prose),
        "country": mend_country,
        "language": mend_language,
    }
    return [replace(each, **_mend(each, each.external_id, menders, tally)) for each in customers]


def _mend(row: Any, reference: str, menders: dict[str, Callable[[str], Mended]], tally: Tally) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    for name, mender in menders.items():
        old = getattr(row, name)
        if not old:
            continue
        new, reasons = mender(old)
        if reasons:
            changes[name] = new
            for reason in reasons:
                tally.note(reason, shown("id", reference), f"{name}: {shown(name, old)} → {shown(name, new)}")
    return changes


def _mend_currency(code: str) -> Mended:
    return mend_currency(code, settings.SHOP_CURRENCY)


def mend_country(name: str) -> Mended:
    """An ISO 3166-1 alpha-2 code from a code of three letters or a name; an unknown name stays."""
    code = _country_codes().get(mend_prose(name)[0].casefold(), name)
    return (code, (COUNTRY_NAME,)) if code != name else (name, ())


@cache
def _country_codes() -> dict[str, str]:
    """The code of each code and name, folded."""
    codes: dict[str, str] = {}
    for line in _COUNTRIES.read_text(encoding="utf-8").splitlines():
        code, *names = line.split("\t")
        codes |= {name.casefold(): code for name in (code, *names)}
    return codes


def mend_language(tag: str) -> Mended:
    """A language tag (BCP 47) in small letters from a POSIX locale or a language's name; anything else stays."""
    name = mend_code(tag)[0]
    match = _LOCALE.fullmatch(name)
    mended = _LANGUAGES.get(name.casefold()) or (match[1].replace("_", "-").lower() if match else tag)
    return (mended, (LANGUAGE_TAG,)) if mended != tag else (tag, ())
