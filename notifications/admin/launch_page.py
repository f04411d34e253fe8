"""What is shown before a launch: what is not ready, what to look at twice, who gets it, and what it can cost."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from notifications.campaigns.audience import AudiencePreview, audience_preview
from notifications.campaigns.checks import Finding, launch_problems, launch_warnings
from notifications.campaigns.review import needed_parts, standing_approvals
from notifications.choices import CampaignPart, CampaignStatus, SuppressionReason
from notifications.delivery.sample import sample_mail
from notifications.models import Approval, Campaign
from notifications.offers.money import format_money
from notifications.segments import RuleError


@dataclass(frozen=True)
class PartToApprove:
    """A part with its approval, and whether whoever looks at it may give that."""

    part: CampaignPart
    approval: Approval | None
    may_approve: bool


def readiness_context(campaign: Campaign, user: Any) -> dict[str, Any]:
    """Checks, funnel and approvals of a campaign that has not started."""
    context = _audience_context(campaign)
    preview = context.get("preview")
    return {
        "campaign": campaign,
        "approvals": _approvals(campaign, user, preview.will_receive if preview else 0),
        "may_edit": user.has_perm("notifications.change_campaign"),
        **context,
    }


def launch_context(campaign: Campaign) -> dict[str, Any]:
    """What the launch page shows beside the question."""
    mails = [(variant, *sample_mail(variant)) for variant in campaign.variants.order_by("language", "name")]
    return {"mails": mails, **_audience_context(campaign)}


def _audience_context(campaign: Campaign) -> dict[str, Any]:
    problems = launch_problems(campaign, at=max(campaign.scheduled_at or timezone.now(), timezone.now()))
    try:
        preview = audience_preview(campaign)
    except RuleError:
        return {"problems": _linked(problems)}  # the rule's fault is among them
    return {
        "problems": _linked(problems),
        "warnings": _linked(launch_warnings(campaign, preview)),
        "preview": preview,
        "steps": audience_steps(preview),
        "sentence": ngettext(
            "You are about to send %(n)s message.", "You are about to send %(n)s messages.", preview.will_receive
        )
        % {"n": f"{preview.will_receive:,}"},
        "liability": liability_text(preview),
        "delayed": _delayed_text(preview),
    }


def _linked(findings: list[Finding]) -> list[tuple[Finding, str]]:
    """Each with the part of the campaign's page at which it is put right."""
    return [
        (finding, "variants-group" if finding.field == "variants" else f"id_{finding.field}") for finding in findings
    ]


def _approvals(campaign: Campaign, user: Any, recipients: int) -> list[PartToApprove]:
    if campaign.status not in (CampaignStatus.DRAFT, CampaignStatus.IN_REVIEW, CampaignStatus.APPROVED):
        return []
    standing = standing_approvals(campaign)
    is_open = campaign.status != CampaignStatus.DRAFT
    return [
        PartToApprove(
            part=part,
            approval=standing.get(part),
            may_approve=is_open and part not in standing and user.has_perm(f"notifications.approve_{part}"),
        )
        for part in needed_parts(campaign, recipients=recipients)
    ]


def audience_steps(preview: AudiencePreview) -> list[tuple[str, int, float, bool]]:
    """Label, customers, percent of the matched, and whether they will receive it."""
    labels = dict(SuppressionReason.choices)
    whole = preview.matched or 1
    rows = [(_("Matched by the segment"), preview.matched, False)]
    rows += [(str(labels.get(reason, reason)), -count, False) for reason, count in preview.suppressed.items()]
    rows += [(_("Held out to measure"), -preview.held_out, False), (_("Will receive"), preview.will_receive, True)]
    return [(label, count, 100 * abs(count) / whole, is_result) for label, count, is_result in rows]


def liability_text(preview: AudiencePreview) -> str:
    """What the coupons can cost at most, as one sentence."""
    if not preview.liability:
        return ""
    return _("If every coupon is used, they cost %(money)s.") % {
        "money": format_money(preview.liability, preview.currency)
    }


def _delayed_text(preview: AudiencePreview) -> str:
    if not preview.delayed:
        return ""
    text = ngettext(
        "%(n)s of them sleeps then (%(hours)s) and gets it in the morning.",
        "%(n)s of them sleep then (%(hours)s) and get it in the morning.",
        preview.delayed,
    )
    return text % {"n": f"{preview.delayed:,}", "hours": settings.QUIET_HOURS}
