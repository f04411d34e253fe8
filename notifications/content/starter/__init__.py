"""The gallery of templates that a mail starts from: blocks in one frame, in the languages of the admin."""

from colorsys import hls_to_rgb
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from notifications.content.starter.words import COMMON, OWN

_FOLDER = Path(__file__).parent

# Lightness and saturation of every colour that a template's hue is used in; the names end in the frame's CSS.
_SHADES: dict[str, tuple[float, float]] = {
    "accent": (0.3, 0.52),
    "soft": (0.33, 0.28),
    "deep": (0.15, 0.43),
    "tint": (0.945, 0.25),
    "line": (0.68, 0.2),
    "dark_accent": (0.66, 0.4),
    "dark_ink": (0.1, 0.42),
    "dark_soft": (0.75, 0.3),
    "dark_tint": (0.165, 0.22),
    "dark_code": (0.11, 0.18),
    "dark_line": (0.4, 0.16),
}


@dataclass(frozen=True, slots=True)
class Starter:
    """One template of the gallery in one language: what it is for, and the parts of a variant."""

    key: str
    title: str | Promise
    purpose: str | Promise
    subject: str
    preview_text: str
    html: str


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a starter is made of. `hue` is in degrees of the colour wheel."""

    title: str | Promise
    purpose: str | Promise
    hue: int
    blocks: tuple[str, ...]


_PLANS: dict[str, _Plan] = {
    "win_back": _Plan(
        _("Win back"),
        _("For customers who have not ordered for a while: a coupon and what fits them."),
        158,
        ("hero", "coupon", "items"),
    ),
    "new_arrivals": _Plan(
        _("New arrivals"), _("What is new, chosen for each customer."), 222, ("hero", "grid", "button")
    ),
    "cart_abandoned": _Plan(
        _("Abandoned cart"),
        _("What still lies in the cart, and the way back to it."),
        28,
        ("hero", "cart", "button", "coupon", "items"),
    ),
    "price_drop": _Plan(
        _("Price drop"), _("Old and new price of what a customer looked at."), 6, ("hero", "drop", "button", "items")
    ),
    "birthday": _Plan(
        _("Birthday"), _("A wish with a present, and the points."), 318, ("hero", "coupon", "points", "items")
    ),
    "thank_you": _Plan(
        _("Thank you"),
        _("After a purchase: the order, the points, and what goes well with it."),
        190,
        ("hero", "cart", "points", "items", "coupon"),
    ),
}
DEFAULT_STARTER = "win_back"


@cache
def starter(key: str = DEFAULT_STARTER, language: str = "en") -> Starter:
    """One template; English where the language is unknown. Raises KeyError for an unknown template."""
    plan = _PLANS[key]
    spoken = language if language in COMMON else "en"
    words = {**_colours(plan.hue), **COMMON[spoken], **OWN[key][spoken]}
    html = (_FOLDER / "frame.html").read_text()
    blocks = "".join((_FOLDER / "blocks" / f"{name}.html").read_text() for name in plan.blocks)
    html = html.replace("[[blocks]]\n", blocks)
    for name, word in words.items():
        html = html.replace(f"[[{name}]]", word)
    return Starter(key, plan.title, plan.purpose, words["subject"], words["preview"], html)


def starters(language: str) -> list[Starter]:
    """The whole gallery."""
    return [starter(key, language) for key in _PLANS]


def starter_template(language: str = "en") -> str:
    """The HTML that a new variant starts with: greeting, coupon, four recommended items with their reasons."""
    return starter(language=language).html


def _colours(hue: int) -> dict[str, str]:
    return {
        name: "#" + "".join(f"{round(255 * part):02x}" for part in hls_to_rgb(hue / 360, lightness, saturation))
        for name, (lightness, saturation) in _SHADES.items()
    }
