"""Money down to the smallest coin of its currency."""

from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal

from django.conf.locale import LANG_INFO
from django.utils import formats, translation

# ISO 4217 currencies whose minor unit is not a hundredth.
_WITHOUT_MINOR_UNIT = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF"}
    | {"XPF"}
)
_IN_THOUSANDTHS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})


def minor_unit(currency: str) -> Decimal:
    """The smallest amount of `currency` that is charged: 0.01, 1 where there are no cents, 0.001 of a dinar."""
    code = currency.upper()
    if code in _WITHOUT_MINOR_UNIT:
        return Decimal(1)
    return Decimal("0.001") if code in _IN_THOUSANDTHS else Decimal("0.01")


def round_money(amount: Decimal, currency: str) -> Decimal:
    """`amount` rounded to the minor unit, halves away from zero, as shops print it."""
    return amount.quantize(minor_unit(currency), rounding=ROUND_HALF_UP)


def floor_money(amount: Decimal, currency: str) -> Decimal:
    """The largest payable amount that is not above `amount`."""
    return amount.quantize(minor_unit(currency), rounding=ROUND_FLOOR)


# Signs that are unambiguous enough for a shopper; every other currency is written by its ISO code.
_SIGNS = {"GBP": "£", "EUR": "€", "USD": "$", "CNY": "¥", "JPY": "¥", "INR": "₹", "KRW": "₩", "VND": "₫", "TRY": "₺"}
# Languages that put the sign behind the figure, with a no-break space.
_SIGN_BEHIND = frozenset({"bg", "cs", "da", "de", "es", "et", "fi", "fr", "hr", "hu", "it", "lt", "lv", "nb", "pl"}) | {
    *("pt", "ro", "ru", "sk", "sl", "sv", "uk", "vi")
}


def format_money(amount: Decimal, currency: str, language: str = "") -> str:
    """`amount` as a reader of `language` writes it: `£1,234.50`, `1.234,50 €`, `CHF 12.00`, `¥990`.

    An empty or unknown language falls back to the one that is active.
    """
    rounded = round_money(amount, currency)
    decimals = -minor_unit(currency).adjusted()
    with translation.override(known_language(language)):
        figure = formats.number_format(rounded, decimal_pos=decimals, force_grouping=True)
    sign = _SIGNS.get(currency.upper(), currency.upper())
    if (language or translation.get_language() or "").split("-")[0].lower() in _SIGN_BEHIND:
        return f"{figure}\u00a0{sign}"
    return f"{sign}{figure}" if len(sign) == 1 else f"{sign}\u00a0{figure}"


def known_language(language: str) -> str:
    """The nearest language whose formats Django knows: `pt-AO` → `pt`, nonsense → the active one."""
    for candidate in (language.lower(), language.split("-", maxsplit=1)[0].lower()):
        if candidate in LANG_INFO:
            return LANG_INFO[candidate].get("fallback", [candidate])[0]
    return translation.get_language() or "en"
