"""How many customers a campaign matched, and what became of them step by step."""

from dataclasses import dataclass

from django.db.models import Count

from notifications.choices import MessageState, RecipientStatus, RedemptionState
from notifications.models import Campaign, Message, Recipient, Redemption


@dataclass(frozen=True)
class Funnel:
    """Decisions of all runs, and the states of their messages; each counted once."""

    matched: int
    suppressed: dict[str, int]
    held_out: int
    planned: int
    waiting: int
    sent: int
    failed: int
    unknown: int
    cancelled: int
    clicked: int
    redeemed: int


def campaign_funnel(campaign: Campaign) -> Funnel:
    """The funnel of `campaign`, counted from the decision log, the outbox and the redemptions."""
    decisions = {
        (row["status"], row["suppression"]): row["n"]
        for row in Recipient.objects.filter(run__campaign=campaign)
        .values("status", "suppression")
        .annotate(n=Count("pk"))
    }
    messages = Message.objects.filter(run__campaign=campaign)
    states = dict(messages.values_list("state").annotate(n=Count("pk")))
    return Funnel(
        matched=sum(decisions.values()),
        suppressed={
            reason: n for (status, reason), n in sorted(decisions.items()) if status == RecipientStatus.SUPPRESSED
        },
        held_out=decisions.get((RecipientStatus.HELD_OUT, ""), 0),
        planned=decisions.get((RecipientStatus.PLANNED, ""), 0),
        waiting=states.get(MessageState.PLANNED, 0) + states.get(MessageState.SENDING, 0),
        sent=states.get(MessageState.SENT, 0),
        failed=states.get(MessageState.FAILED, 0),
        unknown=states.get(MessageState.UNKNOWN, 0),
        cancelled=states.get(MessageState.CANCELLED, 0),
        clicked=messages.filter(first_clicked_at__isnull=False).count(),
        redeemed=Redemption.objects.filter(coupon__run__campaign=campaign, state=RedemptionState.COMMITTED)
        .values("coupon__customer")
        .distinct()
        .count(),
    )
