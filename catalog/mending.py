"""Texts as they should have been: without stray blanks, full-width letters, garbled encodings and loose currency names.

Each function returns the mended text and the reasons for the change; a text that is sound comes back as it is.
"""

import re
import unicodedata

from catalog.validation import is_currency

TRIMMED = "trimmed"
FULL_WIDTH = "full_width"
MOJIBAKE = "mojibake"
CURRENCY_CODE = "currency_code"

Mended = tuple[str, tuple[str, ...]]

# What is left around a text by copying it: blanks of every kind, byte order marks and joiners of no width.
_EDGES = " \t\r\n\v\f\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u200b\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"  # noqa: E501

# Full-width forms of ASCII (U+FF01 to U+FF5E). In prose only letters and digits are folded: Chinese and Japanese
# sentences rightly use the full-width comma, colon and brackets.
_CODE_WIDTH = {0x3000: " "} | {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
_PROSE_WIDTH = {code: plain for code, plain in _CODE_WIDTH.items() if plain.isalnum()}

# The byte behind each character of a text that was read as Latin-1 or as Windows-1252, which differ from 0x80 to 0x9F.
_BYTE_OF = {chr(byte): byte for byte in range(0x80, 0x100)}
_BYTE_OF |= {char: byte for byte in range(0x80, 0xA0) if (char := bytes([byte]).decode("cp1252", "ignore"))}
_GARBLED = re.compile("[" + re.escape("".join(_BYTE_OF)) + "]{2,}")

_SIGNS = {
    "€": "EUR",
    "£": "GBP",
    "₹": "INR",
    "₩": "KRW",
    "₽": "RUB",
    "₺": "TRY",
    "₫": "VND",
    "฿": "THB",
    "₴": "UAH",
    "ZŁ": "PLN",
    "KČ": "CZK",
    "R$": "BRL",
    "US$": "USD",
    "A$": "AUD",
    "C$": "CAD",
    "HK$": "HKD",
    "NT$": "TWD",
    "元": "CNY",
    "人民币": "CNY",
    "RMB": "CNY",
    "CN¥": "CNY",
    "JP¥": "JPY",
    "円": "JPY",
    "日元": "JPY",
    "美元": "USD",
    "欧元": "EUR",
    "英镑": "GBP",
    "港币": "HKD",
}
# Signs of several currencies mean the shop's own if it is one of them, and are not guessed otherwise.
_AMBIGUOUS = {
    "$": {"USD", "CAD", "AUD", "NZD", "SGD", "HKD", "TWD", "MXN", "ARS", "CLP", "COP"},
    "¥": {"CNY", "JPY"},
    "KR": {"SEK", "NOK", "DKK", "ISK"},
}


def is_plain(text: str) -> bool:
    """Whether there is surely nothing to mend in a code: printable ASCII without a blank."""
    return text.isascii() and text.isprintable() and " " not in text


def mend_code(text: str) -> Mended:
    """An id, an address or a number: blanks around it go, and full-width characters become plain ones."""
    if is_plain(text):
        return text, ()
    return _steps(text, ((TRIMMED, _trim), (FULL_WIDTH, lambda part: part.translate(_CODE_WIDTH).strip(_EDGES))))


def mend_prose(text: str) -> Mended:
    """A title, a name or a description: as a code, but full-width punctuation stays, and garbled letters are read."""
    if text.isascii():
        return _steps(text, ((TRIMMED, _trim),))
    return _steps(text, ((MOJIBAKE, _ungarble), (TRIMMED, _trim), (FULL_WIDTH, _fold_prose)))


def mend_currency(text: str, shop_currency: str) -> Mended:
    """An ISO 4217 code out of a code in small letters, a sign (€) or a usual name (RMB); what is unclear stays."""
    if not text or (is_currency(text) and text not in _SIGNS):
        return text, ()
    name = text.translate(_CODE_WIDTH).replace("￥", "¥").strip(_EDGES).upper()
    if name in _AMBIGUOUS:
        name = shop_currency if shop_currency in _AMBIGUOUS[name] else name
    name = _SIGNS.get(name, name)
    return (name, (CURRENCY_CODE,)) if is_currency(name) else (text, ())


def _steps(text: str, steps: tuple[tuple[str, object], ...]) -> Mended:
    reasons = []
    for reason, step in steps:
        mended = step(text)  # type: ignore[operator]
        if mended != text:
            reasons.append(reason)
            text = mended
    return text, tuple(reasons)


def _trim(text: str) -> str:
    return text.strip(_EDGES)


def _fold_prose(text: str) -> str:
    """Letters and digits in their usual width, accents composed (Unicode's NFC)."""
    return unicodedata.normalize("NFC", text.translate(_PROSE_WIDTH))


def _ungarble(text: str) -> str:
    """UTF-8 that was read as Latin-1 or Windows-1252, read again; also where that happened twice.

    Only runs of characters that are valid UTF-8 when turned back into bytes are touched, so that “naïve – déjà vu”,
    in which no such run exists, stays.
    """
    for _time in range(2):
        mended = _GARBLED.sub(_read_again, text)
        if mended == text:
            break
        text = mended
    return text


def _read_again(match: re.Match[str]) -> str:
    try:
        return bytes(_BYTE_OF[char] for char in match[0]).decode()
    except UnicodeDecodeError:
        return match[0]
