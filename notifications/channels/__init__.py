"""How a message leaves the house: one package per channel behind the interface in `base`."""

from typing import Any

from notifications.channels.base import Channel as DeliveryChannel
from notifications.channels.email.channel import EmailChannel
from users.choices import Channel

CHANNELS: dict[str, type[DeliveryChannel[Any]]] = {Channel.EMAIL: EmailChannel}


def delivery_channel(channel: str) -> type[DeliveryChannel[Any]]:
    """The package that delivers on `channel`. Raises LookupError when there is none."""
    try:
        return CHANNELS[channel]
    except KeyError:
        raise LookupError(
            f"Nothing delivers on the channel “{channel}” here; choose one of: {', '.join(CHANNELS)}."
        ) from None
