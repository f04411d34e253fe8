"""Coupon codes: unguessable, readable aloud, and checked before the database is asked.

A code is 15 random characters and one check character of Crockford's base 32 (https://www.crockford.com/base32.html),
written in groups of four: `7K2M-9QX4-TB3N-5VHC`. Crockford's check is the number modulo 37, which catches every single
wrong character and every swap of neighbours; its five extra symbols (`*~$=U`) are awkward in mails and on the phone, so
a number whose check would need one is drawn again.
"""

import re
import secrets

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
RANDOM_CHARACTERS = 15  # 75 bits, less log2(37/32) = 0.21 for the redrawn ones
_LENGTH = RANDOM_CHARACTERS + 1
_GROUP = 4
_MODULUS = 37
_PAIRS = [first + second for first in ALPHABET for second in ALPHABET]  # of ten bits
_VALUES = {character: value for value, character in enumerate(ALPHABET)}
# What people read or type instead; U is left unmapped, because Crockford leaves it out of the alphabet altogether.
# What others print on theirs; kept in capitals, so that it is found however it is typed.
_FOREIGN = re.compile(r"[A-Z0-9][A-Z0-9._-]{3,63}")
_LOOKALIKES = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, "–": None, "—": None})


class InvalidCodeError(ValueError):
    """The text cannot be one of our codes: wrong length, a foreign character, or a check that does not fit."""


def _group(characters: str) -> str:
    return "-".join(characters[start : start + _GROUP] for start in range(0, len(characters), _GROUP))


def _write(number: int, check: int) -> str:
    """The grouped form of 75 bits and their check; a run writes a million."""
    pair = _PAIRS
    return (
        f"{pair[number >> 65]}{pair[number >> 55 & 1023]}-{pair[number >> 45 & 1023]}{pair[number >> 35 & 1023]}"
        f"-{pair[number >> 25 & 1023]}{pair[number >> 15 & 1023]}-{pair[number >> 5 & 1023]}"
        f"{ALPHABET[number & 31]}{ALPHABET[check]}"
    )


def _plain(text: str) -> str:
    return "".join(text.split()).upper().translate(_LOOKALIKES)


def generate_code() -> str:
    """A new random code in its canonical, grouped form."""
    while True:
        number = secrets.randbits(5 * RANDOM_CHARACTERS)
        check = number % _MODULUS
        if check < len(ALPHABET):
            return _write(number, check)


def normalise_code(text: str) -> str:
    """The canonical form of a code as somebody typed it: any case, spaces or dashes anywhere, O for 0, I or L for 1.

    Raises InvalidCodeError when the text is not a code, which a mistyped one never is.
    """
    characters = _plain(text)
    if len(characters) != _LENGTH or any(character not in _VALUES for character in characters):
        raise InvalidCodeError(f"A coupon code has {_LENGTH} letters and digits; this is not one.")
    number = 0
    for character in characters[:-1]:
        number = number * 32 + _VALUES[character]
    if number % _MODULUS != _VALUES[characters[-1]]:
        raise InvalidCodeError("This coupon code is mistyped: its last character does not fit the others.")
    return _group(characters)


def canonical_code(text: str) -> str:
    """The form under which a code is stored: ours as `normalise_code` writes it, an imported one in capitals.

    Raises InvalidCodeError when the text can be neither.
    """
    try:
        return normalise_code(text)
    except InvalidCodeError:
        foreign = text.strip().upper()
        if _FOREIGN.fullmatch(foreign):
            return foreign
        raise


def code_prefix(text: str) -> str:
    """The beginning of a code as it is stored, for a search; empty when the text cannot begin a code."""
    characters = _plain(text)
    if characters and len(characters) <= _LENGTH and all(character in _VALUES for character in characters):
        return _group(characters)
    return text.strip().upper() if _FOREIGN.fullmatch(text.strip().upper()) else ""
