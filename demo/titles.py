"""Readable titles out of the history's capitals: `SET OF 3 CAKE TINS` becomes `Set of 3 Cake Tins`."""

import re

_WORD = re.compile(r"(?P<digits>\d*)(?P<letters>[A-Za-z]+(?:'[A-Za-z]+)?)")
_SPACE = re.compile(r"\s+")
_TIGHT_COMMA = re.compile(r",(?=[^\s\d])")
_SMALL = {"a", "an", "and", "as", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with"}
_ACRONYMS = {"3D", "CD", "DVD", "LED", "RRP", "TV", "UK", "USA", "XL"}


def clean_description(text: str) -> str:
    """`text` with one space between words, and without stray punctuation at its ends."""
    return _TIGHT_COMMA.sub(", ", _SPACE.sub(" ", text)).strip(" ,.;:*")


def title_case(text: str) -> str:
    """`text` in title case; sizes and the like (`12CM`, `50'S`) become lower case, a few acronyms stay."""

    def recase(match: re.Match[str]) -> str:
        digits, letters = match["digits"], match["letters"]
        if (digits + letters).upper() in _ACRONYMS:
            return match[0].upper()
        before = text[match.start() - 1 : match.start()]
        if digits or before == "'" or (before == " " and letters.lower() in _SMALL):
            return digits + letters.lower()
        return letters.capitalize()

    return _WORD.sub(recase, text)
