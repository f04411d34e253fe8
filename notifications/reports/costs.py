"""What a campaign's messages cost."""

from decimal import Decimal

from django.conf import settings
from django.db.models import Count

from notifications.choices import MessageState
from notifications.models import Campaign, Message


def message_cost(campaign: Campaign) -> Decimal:
    """The price of all messages that went out or may have, in SHOP_CURRENCY, by the setting MESSAGE_COSTS."""
    gone = Message.objects.filter(run__campaign=campaign, state__in=[MessageState.SENT, MessageState.UNKNOWN])
    counts = gone.values_list("channel").annotate(n=Count("pk"))
    prices = {channel: Decimal(price) for channel, price in settings.MESSAGE_COSTS.items()}
    return sum((prices.get(channel, Decimal(0)) * n for channel, n in counts), Decimal(0))
