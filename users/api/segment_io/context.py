"""What is kept of a message's context: a coarse device class, language, time zone and campaign.

The address of the sender, the full user agent, the screen, and identifiers of devices are not stored.
"""

import re
from functools import lru_cache
from typing import Any
from zoneinfo import available_timezones

from users.api.segment_io.values import read_object, read_text

_CAMPAIGN = ("source", "medium", "name", "term", "content")
_CAMPAIGN_LENGTH = 100
_DEVICES = (
    ("bot", re.compile(r"bot\b|crawl|spider|slurp|preview|headless", re.IGNORECASE)),
    ("tv", re.compile(r"\btv\b|smart-?tv|appletv|bravia|crkey|roku", re.IGNORECASE)),
    ("tablet", re.compile(r"ipad|tablet|kindle|silk|playbook|android(?!.*\bmobile)", re.IGNORECASE)),
    ("mobile", re.compile(r"mobi|iphone|ipod|android|phone", re.IGNORECASE)),
    ("desktop", re.compile(r"windows|macintosh|linux|x11|cros", re.IGNORECASE)),
)
_DEVICE_TYPES = {
    **{name: name for name, _ in _DEVICES},
    "ios": "mobile",
    "android": "mobile",
    "phone": "mobile",
    "smartphone": "mobile",
    "browser": "",
    "console": "tv",
}


@lru_cache(maxsize=1)
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def kept_context(context: dict[str, Any]) -> dict[str, Any]:
    """The coarse part of a context, as it is stored with the event."""
    kept = {
        "device": device_class(context),
        "locale": locale(context),
        "timezone": time_zone(context),
        "campaign": _campaign(context.get("campaign")),
        "first_campaign": _campaign(context.get("firstCampaign")),
    }
    return {name: value for name, value in kept.items() if value}


def device_class(context: dict[str, Any]) -> str:
    """`desktop`, `mobile`, `tablet`, `tv` or `bot`; '' where the context does not say."""
    declared = read_text(read_object(context.get("device")).get("type")).lower()
    if _DEVICE_TYPES.get(declared):
        return _DEVICE_TYPES[declared]
    agent = read_text(context.get("userAgent"))[:1000]
    return next((name for name, pattern in _DEVICES if pattern.search(agent)), "")


def locale(context: dict[str, Any]) -> str:
    """A language tag (BCP 47), in lower case as customers store it."""
    tag = read_text(context.get("locale")).replace("_", "-").lower()
    return tag if re.fullmatch(r"[a-z]{2,3}(-[a-z0-9]{2,8})*", tag) and len(tag) <= 16 else ""


def time_zone(context: dict[str, Any]) -> str:
    """An IANA name; '' for anything else."""
    name = read_text(context.get("timezone"))
    return name if name in _time_zones() else ""


def _campaign(value: Any) -> dict[str, str]:
    """The UTM parameters of a campaign."""
    found = {name: read_text(read_object(value).get(name))[:_CAMPAIGN_LENGTH] for name in _CAMPAIGN}
    return {name: text for name, text in found.items() if text}
