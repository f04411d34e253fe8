"""Frequency caps: how many messages a customer may get in a rolling window.

Counted is what was sent, what is being sent, and what may have arrived (`unknown`). The same SQL judges a plan, for the
moment at which it would send, and a claim, for now.
"""

from collections.abc import Sequence
from typing import Any

from django.db.models import Q

from notifications.choices import MessageState
from notifications.models import Campaign, FrequencyCap


def caps_of(campaign: Campaign) -> list[FrequencyCap]:
    """The active caps that limit `campaign`: those of its channel and of its tags, and those of everything."""
    return list(
        FrequencyCap.objects.filter(
            Q(channel="") | Q(channel=campaign.channel), Q(tag="") | Q(tag__in=campaign.tags), is_active=True
        ).order_by("pk")
    )


def capped_sql(caps: Sequence[FrequencyCap], *, customer: str, at: str) -> str:
    """Condition: the customer in column `customer` has had as many messages as one of `caps` allows before `at`.

    A window reaches back from `at` without its far end. Binds `cap_parameters`.
    """
    if not caps:
        return "false"
    return f"""EXISTS (
        SELECT FROM unnest(%(cap_maxima)s::int[], %(cap_days)s::int[], %(cap_channels)s::text[], %(cap_tags)s::text[])
            AS cap (maximum, days, channel, tag)
        WHERE cap.maximum <= (
            SELECT count(*) FROM notifications_message earlier
            WHERE earlier.customer_id = {customer}
                AND CASE earlier.state WHEN '{MessageState.SENDING}' THEN true
                    WHEN '{MessageState.SENT}' THEN earlier.sent_at > {at} - make_interval(days => cap.days)
                    WHEN '{MessageState.UNKNOWN}' THEN earlier.due_at > {at} - make_interval(days => cap.days)
                    ELSE false END
                AND (cap.channel = '' OR earlier.channel = cap.channel)
                AND (cap.tag = '' OR EXISTS (
                    SELECT FROM notifications_run run JOIN notifications_campaign campaign
                        ON campaign.id = run.campaign_id
                    WHERE run.id = earlier.run_id AND cap.tag = ANY(campaign.tags)
                ))
        )
    )"""


def cap_parameters(caps: list[FrequencyCap]) -> dict[str, Any]:
    """What `capped_sql` binds."""
    return {
        "cap_maxima": [cap.maximum for cap in caps],
        "cap_days": [cap.days for cap in caps],
        "cap_channels": [cap.channel for cap in caps],
        "cap_tags": [cap.tag for cap in caps],
    }
