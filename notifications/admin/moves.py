"""The pages that ask before a campaign moves. A GET shows what would happen; only a POST does it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin

from notifications.admin.launch_page import launch_context
from notifications.campaigns.clone import clone_campaign
from notifications.campaigns.lifecycle import (
    CountChangedError,
    IllegalMoveError,
    LaunchRefusedError,
    launch_campaign,
    pause_campaign,
    reopen_campaign,
    resume_campaign,
    stop_campaign,
)
from notifications.campaigns.review import submit_campaign
from notifications.choices import CampaignStatus
from notifications.models import Campaign


@dataclass(frozen=True)
class Move:
    """Something to do with a campaign in one of `statuses`, for whoever has `permission`."""

    name: str
    label: str | Promise
    icon: str
    statuses: frozenset[str]
    question: str | Promise = ""
    apply: Callable[..., object] | None = None
    permission: str = "send_campaign"
    is_main: bool = False
    is_dangerous: bool = False
    is_direct: bool = False  # made by one click: it can be taken back


MOVES = {
    move.name: move
    for move in (
        Move(
            name="submit",
            label=gettext_lazy("Ask for approval"),
            icon="rate_review",
            statuses=frozenset({CampaignStatus.DRAFT}),
            question=gettext_lazy("Those who may approve its message, its audience and its offer look at it now."),
            apply=submit_campaign,
            permission="change_campaign",
            is_main=True,
            is_direct=True,
        ),
        Move(
            name="launch",
            label=gettext_lazy("Review and launch"),
            icon="rocket_launch",
            statuses=frozenset({CampaignStatus.DRAFT, CampaignStatus.APPROVED}),
            is_main=True,
        ),
        Move(
            name="reopen",
            label=gettext_lazy("Back to draft"),
            icon="undo",
            statuses=frozenset({CampaignStatus.IN_REVIEW, CampaignStatus.APPROVED, CampaignStatus.SCHEDULED}),
            question=gettext_lazy("It waits for nobody any more and does not start. Approvals of what stays hold."),
            apply=reopen_campaign,
            permission="change_campaign",
            is_direct=True,
        ),
        Move(
            name="pause",
            label=gettext_lazy("Pause"),
            icon="pause",
            statuses=frozenset({CampaignStatus.RUNNING}),
            question=gettext_lazy("Nothing more is sent until it is resumed. What is under way stops within seconds."),
            apply=pause_campaign,
            is_main=True,
            is_direct=True,
        ),
        Move(
            name="resume",
            label=gettext_lazy("Resume"),
            icon="play_arrow",
            statuses=frozenset({CampaignStatus.PAUSED}),
            question=gettext_lazy("Sending goes on where it stopped. Nobody gets anything twice."),
            apply=resume_campaign,
            is_main=True,
            is_direct=True,
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
            permission="add_campaign",
            is_direct=True,
        ),
    )
}


def is_possible(move: Move, campaign: Campaign) -> bool:
    """Whether the campaign can make the move now. A draft is launched only where nobody has to approve it."""
    if campaign.status == CampaignStatus.DRAFT and move.name == ("launch" if settings.CAMPAIGN_APPROVALS else "submit"):
        return False
    return campaign.status in move.statuses


def possible_moves(campaign: Campaign, user: Any) -> list[Move]:
    """What this member of staff can do with the campaign now."""
    return [
        move
        for move in MOVES.values()
        if is_possible(move, campaign) and user.has_perm(f"notifications.{move.permission}")
    ]


def move_view(model_admin: ModelAdmin, request: HttpRequest, object_id: int, name: str) -> HttpResponse:
    """Ask about a move, or make it."""
    campaign = get_object_or_404(Campaign.objects.select_related("segment", "offer"), pk=object_id)
    move = MOVES[name]
    if not request.user.has_perm(f"notifications.{move.permission}"):
        raise PermissionDenied
    error = ""
    if request.method == "POST":
        try:
            return _make(request, campaign, move)
        except CountChangedError as changed:
            error = str(changed)
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": str(campaign),
        "campaign": campaign,
        "move": move,
        "is_possible": is_possible(move, campaign),
        "error": error,
        **(launch_context(campaign) if name == "launch" else {}),
    }
    return TemplateResponse(request, "notifications/admin/move.html", context)


def _make(request: HttpRequest, campaign: Campaign, move: Move) -> HttpResponse:
    user: Any = request.user
    try:
        if move.name == "launch":
            launch_campaign(campaign=campaign, user=user, confirmed=_typed_count(request))
            messages.success(request, _("Launched: it starts within seconds of its time."))
        elif move.name == "clone":
            campaign = clone_campaign(campaign=campaign, user=user)
            messages.success(request, _("This is the new draft."))
        elif move.apply is not None:
            move.apply(campaign=campaign, user=user)
            messages.success(
                request, _("The campaign is now %(status)s.") % {"status": campaign.get_status_display().lower()}
            )
    except LaunchRefusedError as error:
        for problem in error.problems:
            messages.error(request, problem)
    except IllegalMoveError as error:
        messages.error(request, str(error))
    return redirect("admin:notifications_campaign_change", campaign.pk)


def _typed_count(request: HttpRequest) -> int:
    """The number that was typed, with any separators; −1, which nothing confirms, for anything else."""
    digits = "".join(each for each in request.POST.get("confirmed", "") if each not in " ,.'’\u00a0\u202f")
    return int(digits) if digits.isdecimal() else -1
