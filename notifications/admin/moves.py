"""The pages that ask before a campaign moves. A GET shows what would happen; only a POST does it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.admin import ModelAdmin

from notifications.campaigns.audience import AudiencePreview, audience_preview
from notifications.campaigns.checks import launch_problems
from notifications.campaigns.clone import clone_campaign
from notifications.campaigns.lifecycle import (
    IllegalMoveError,
    LaunchRefusedError,
    launch_campaign,
    pause_campaign,
    resume_campaign,
    stop_campaign,
)
from notifications.choices import CampaignStatus, SuppressionReason
from notifications.delivery.sample import sample_mail
from notifications.models import Campaign
from notifications.offers.money import format_money
from notifications.segments import RuleError


@dataclass(frozen=True)
class Move:
    """Something to do with a campaign in one of `statuses`."""

    name: str
    label: str | Promise
    icon: str
    statuses: frozenset[str]
    question: str | Promise = ""
    apply: Callable[..., object] | None = None
    is_main: bool = False
    is_dangerous: bool = False


MOVES = {
    move.name: move
    for move in (
        Move(
            name="launch",
            label=gettext_lazy("Review and launch"),
            icon="rocket_launch",
            statuses=frozenset({CampaignStatus.DRAFT}),
            is_main=True,
        ),
        Move(
            name="pause",
            label=gettext_lazy("Pause"),
            icon="pause",
            statuses=frozenset({CampaignStatus.RUNNING}),
            question=gettext_lazy("Nothing more is sent until it is resumed. What is under way stops within seconds."),
            apply=pause_campaign,
            is_main=True,
        ),
        Move(
            name="resume",
            label=gettext_lazy("Resume"),
            icon="play_arrow",
            statuses=frozenset({CampaignStatus.PAUSED}),
            question=gettext_lazy("Sending goes on where it stopped. Nobody gets anything twice."),
            apply=resume_campaign,
            is_main=True,
        ),
        Move(
            name="stop",
            label=gettext_lazy("Stop"),
            icon="stop",
            statuses=frozenset({CampaignStatus.SCHEDULED, CampaignStatus.RUNNING, CampaignStatus.PAUSED}),
            question=gettext_lazy(
                "It ends for good: what was not sent is cancelled, with the coupons that nobody has seen."
            ),
            apply=stop_campaign,
            is_dangerous=True,
        ),
        Move(
            name="clone",
            label=gettext_lazy("Clone"),
            icon="content_copy",
            statuses=frozenset(CampaignStatus.values),
            question=gettext_lazy("A new draft with the same audience, offer and variants."),
        ),
    )
}


def possible_moves(campaign: Campaign) -> list[Move]:
    """What can be done with the campaign now."""
    return [move for move in MOVES.values() if campaign.status in move.statuses]


def move_view(model_admin: ModelAdmin, request: HttpRequest, object_id: int, name: str) -> HttpResponse:
    """Ask about a move, or make it."""
    campaign = get_object_or_404(Campaign.objects.select_related("segment", "offer"), pk=object_id)
    move = MOVES[name]
    _check_permission(request, move)
    if request.method == "POST":
        return _make(request, campaign, move)
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": str(campaign),
        "campaign": campaign,
        "move": move,
        "is_possible": campaign.status in move.statuses,
        **(_launch_context(campaign) if name == "launch" else {}),
    }
    return TemplateResponse(request, "notifications/admin/move.html", context)


def _check_permission(request: HttpRequest, move: Move) -> None:
    needed = "notifications.add_campaign" if move.name == "clone" else "notifications.send_campaign"
    if not request.user.has_perm(needed):
        raise PermissionDenied


def _make(request: HttpRequest, campaign: Campaign, move: Move) -> HttpResponse:
    user: Any = request.user
    try:
        if move.name == "launch":
            launch_campaign(campaign=campaign, user=user)
            messages.success(request, _("Launched: it starts within seconds of its time."))
        elif move.name == "clone":
            campaign = clone_campaign(campaign=campaign, user=user)
            messages.success(request, _("This is the new draft."))
        elif move.apply is not None:
            move.apply(campaign=campaign)
            messages.success(
                request, _("The campaign is now %(status)s.") % {"status": campaign.get_status_display().lower()}
            )
    except LaunchRefusedError as error:
        for problem in error.problems:
            messages.error(request, problem)
    except IllegalMoveError as error:
        messages.error(request, str(error))
    return redirect("admin:notifications_campaign_change", campaign.pk)


def _launch_context(campaign: Campaign) -> dict[str, Any]:
    problems = launch_problems(campaign, at=max(campaign.scheduled_at or timezone.now(), timezone.now()))
    try:
        preview = audience_preview(campaign)
    except RuleError:
        return {"problems": problems}  # the rule's fault is among them
    return {
        "problems": problems,
        "mails": [(variant, *sample_mail(variant)) for variant in campaign.variants.order_by("language", "name")],
        "preview": preview,
        "steps": audience_steps(preview),
        "sentence": ngettext(
            "You are about to send %(n)s message.", "You are about to send %(n)s messages.", preview.will_receive
        )
        % {"n": f"{preview.will_receive:,}"},
        "liability": liability_text(preview),
    }


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
    if preview.liability is None:
        return _("Nothing bounds what the coupons can cost: set a maximum discount or a budget on the offer.")
    if preview.liability == 0:
        return ""
    return _("If every coupon is used, they cost %(money)s.") % {
        "money": format_money(preview.liability, preview.currency)
    }
