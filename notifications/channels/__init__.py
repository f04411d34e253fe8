"""How a message leaves the house: one package per channel behind the interface in `base`.

A channel is a folder `<name>/` here whose `channel.py` holds a class that ends in `Channel`; `<name>` is its value in
`users.choices.Channel`. Nothing else needs to know of it.
"""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from django.utils.translation import gettext as _

from notifications.channels.base import Channel as DeliveryChannel


@cache
def channels() -> dict[str, type[DeliveryChannel[Any]]]:
    """Every channel by its name."""
    names = (module.name for module in iter_modules(__path__) if module.ispkg)
    return {name: _class_of(import_module(f"{__name__}.{name}.channel")) for name in names}


def _class_of(module: Any) -> type[DeliveryChannel[Any]]:
    own = (value for name, value in vars(module).items() if name.endswith("Channel"))
    found: type[DeliveryChannel[Any]] = next(each for each in own if each.__module__ == module.__name__)
    return found


def delivery_channel(channel: str) -> type[DeliveryChannel[Any]]:
    """The package that delivers on `channel`. Raises LookupError when there is none."""
    try:
        return channels()[channel]
    except KeyError:
        raise LookupError(
            _("Nothing delivers on the channel “%(channel)s” here; choose one of: %(known)s.")
            % {"channel": channel, "known": ", ".join(channels())}
        ) from None
