"""The country names of the history, as ISO 3166-1 codes and one plausible time zone each.

Three names are no country: "Channel Islands" (two territories), "European Community" and "Unspecified". Their code
stays empty rather than guessed.
"""

from typing import NamedTuple


class Country(NamedTuple):
    """`code` is ISO 3166-1 alpha-2, or empty; `time_zone` is an IANA name."""

    code: str
    time_zone: str


SHOP_TIME_ZONE = "Europe/London"

COUNTRIES: dict[str, Country] = {
    "Australia": Country("AU", "Australia/Sydney"),
    "Austria": Country("AT", "Europe/Vienna"),
    "Bahrain": Country("BH", "Asia/Bahrain"),
    "Belgium": Country("BE", "Europe/Brussels"),
    "Brazil": Country("BR", "America/Sao_Paulo"),
    "Canada": Country("CA", "America/Toronto"),
    "Channel Islands": Country("", "Europe/Jersey"),
    "Cyprus": Country("CY", "Asia/Nicosia"),
    "Czech Republic": Country("CZ", "Europe/Prague"),
    "Denmark": Country("DK", "Europe/Copenhagen"),
    "EIRE": Country("IE", "Europe/Dublin"),
    "European Community": Country("", "Europe/Brussels"),
    "Finland": Country("FI", "Europe/Helsinki"),
    "France": Country("FR", "Europe/Paris"),
    "Germany": Country("DE", "Europe/Berlin"),
    "Greece": Country("GR", "Europe/Athens"),
    "Hong Kong": Country("HK", "Asia/Hong_Kong"),
    "Iceland": Country("IS", "Atlantic/Reykjavik"),
    "Israel": Country("IL", "Asia/Jerusalem"),
    "Italy": Country("IT", "Europe/Rome"),
    "Japan": Country("JP", "Asia/Tokyo"),
    "Lebanon": Country("LB", "Asia/Beirut"),
    "Lithuania": Country("LT", "Europe/Vilnius"),
    "Malta": Country("MT", "Europe/Malta"),
    "Netherlands": Country("NL", "Europe/Amsterdam"),
    "Norway": Country("NO", "Europe/Oslo"),
    "Poland": Country("PL", "Europe/Warsaw"),
    "Portugal": Country("PT", "Europe/Lisbon"),
    "RSA": Country("ZA", "Africa/Johannesburg"),
    "Saudi Arabia": Country("SA", "Asia/Riyadh"),
    "Singapore": Country("SG", "Asia/Singapore"),
    "Spain": Country("ES", "Europe/Madrid"),
    "Sweden": Country("SE", "Europe/Stockholm"),
    "Switzerland": Country("CH", "Europe/Zurich"),
    "USA": Country("US", "America/New_York"),
    "United Arab Emirates": Country("AE", "Asia/Dubai"),
    "United Kingdom": Country("GB", "Europe/London"),
    "Unspecified": Country("", SHOP_TIME_ZONE),
}


def country(name: str) -> Country:
    """The country called `name` in the history; an unknown name has no code and the shop's own time zone."""
    return COUNTRIES.get(name, Country("", SHOP_TIME_ZONE))
