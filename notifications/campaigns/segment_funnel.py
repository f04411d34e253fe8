"""What would become of a segment if a campaign were sent to it now, by the SQL that plans campaigns."""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.core.cache import cache

from notifications.campaigns.audience import audience_preview
from notifications.choices import SuppressionReason
from notifications.models import Campaign, Segment
from notifications.segments.count import within

KEPT = timedelta(minutes=10)
_UNREACHABLE = (SuppressionReason.NO_ADDRESS, SuppressionReason.NO_CONSENT)


@dataclass(frozen=True)
class SegmentFunnel:
    """Customers left at each step, and how many it takes away. `held_out` is a share of those who remain."""

    matched: int
    consented: int
    suppressed: int
    capped: int
    held_out: int
    will_receive: int

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


def segment_funnel(
    *, rule: Any, channel: str, hold_out_percent: Decimal, time_limit: timedelta | None = None
) -> SegmentFunnel:
    """The funnel of a rule. Raises RuleError, and CountTooSlowError beyond `time_limit` for one statement."""
    campaign = Campaign(
        segment=Segment(rule=rule),
        channel=channel,
        hold_out_percent=hold_out_percent,
        hold_out_seed=UUID(int=0),  # a campaign draws anew: what is shown is how many, not who
        item_count=0,
    )
    with within(time_limit):
        preview = audience_preview(campaign)
    lost = preview.suppressed
    unreachable = sum(lost.get(reason, 0) for reason in _UNREACHABLE)
    capped = lost.get(SuppressionReason.FREQUENCY_CAP, 0)
    return SegmentFunnel(
        matched=preview.matched,
        consented=preview.matched - unreachable,
        suppressed=sum(lost.values()) - unreachable - capped,
        capped=capped,
        held_out=preview.held_out,
        will_receive=preview.will_receive,
    )


def kept_funnel(*, rule: Any, channel: str, hold_out_percent: Decimal) -> SegmentFunnel | None:
    """What `keep_funnel` counted within the last minutes."""
    kept = cache.get(_key(rule, channel, hold_out_percent))
    return SegmentFunnel(**kept) if kept else None


def keep_funnel(*, rule: Any, channel: str, hold_out_percent: Decimal) -> None:
    """Count without a limit of time, and keep it for `kept_funnel`."""
    funnel = segment_funnel(rule=rule, channel=channel, hold_out_percent=hold_out_percent)
    cache.set(_key(rule, channel, hold_out_percent), funnel.as_dict(), KEPT.total_seconds())


def claim_count(*, rule: Any, channel: str, hold_out_percent: Decimal) -> bool:
    """Whether the caller is the first within the last minutes to ask for this count, and is to have it made."""
    return bool(cache.add(_key(rule, channel, hold_out_percent) + ":asked", 1, KEPT.total_seconds()))


def _key(rule: Any, channel: str, hold_out_percent: Decimal) -> str:
    question = json.dumps([rule, channel, str(hold_out_percent.normalize())], sort_keys=True)
    return f"segment-funnel:{hashlib.sha256(question.encode()).hexdigest()}"
