"""Frequency caps: how many messages a customer may get in a rolling window.

Counted is what was sent, what is being sent, and what may have arrived (`unknown`). The same SQL judges a plan, for the
moment at which it would send, and a claim, for now.
"""

from collections.abc import Sequence
from typing import Any

from django.db.models import Q

from notifications.choices import MessageState
from notifications.models import Campaign, FrequencyCap

_COUNTED = f"'{MessageState.SENDING}', '{MessageState.SENT}', '{MessageState.UNKNOWN}'"


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
    reached = " OR ".join(
        f"count(*) FILTER (WHERE {_counts(cap, number, at)}) >= %(cap_{number}_maximum)s"
        for number, cap in enumerate(caps)
    )
    return f"""(
        SELECT {reached} FROM notifications_message earlier
        WHERE earlier.customer_id = {customer} AND earlier.state IN ({_COUNTED})
    )"""


def _counts(cap: FrequencyCap, number: int, at: str) -> str:
    """Condition: the message `earlier` counts against `cap`."""
    window = f"{at} - %(cap_{number}_days)s * interval '1 day'"
    tests = [
        f"""CASE earlier.state WHEN '{MessageState.SENDING}' THEN true
            WHEN '{MessageState.SENT}' THEN earlier.sent_at > {window} ELSE earlier.due_at > {window} END"""
    ]
    if cap.channel:
        tests.append(f"earlier.channel = %(cap_{number}_channel)s")
    if cap.tag:
        tests.append(
            f"""earlier.run_id IN (
                SELECT run.id FROM notifications_run run JOIN notifications_campaign campaign
                    ON campaign.id = run.campaign_id
                WHERE %(cap_{number}_tag)s = ANY(campaign.tags)
            )"""
        )
    return " AND ".join(tests)


def cap_parameters(caps: Sequence[FrequencyCap]) -> dict[str, Any]:
    """What `capped_sql` binds."""
    return {
        f"cap_{number}_{name}": getattr(cap, name)
        for number, cap in enumerate(caps)
        for name in ("maximum", "days", "channel", "tag")
    }
