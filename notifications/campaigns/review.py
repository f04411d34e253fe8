"""Approvals: message, audience and offer each by somebody who may, and a large campaign as a whole by somebody else.

An approval holds while its part is as it was looked at; nothing has to remember to withdraw it.
"""

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from notifications.campaigns.audience import audience_preview
from notifications.campaigns.checks import launch_problems
from notifications.campaigns.history import note_change
from notifications.campaigns.moves import LaunchRefusedError, move_campaign
from notifications.campaigns.parts import campaign_parts
from notifications.choices import CampaignPart, CampaignStatus, ChangeKind
from notifications.models import Approval, Campaign
from users.models import User

UNDER_REVIEW = (CampaignStatus.IN_REVIEW, CampaignStatus.APPROVED, CampaignStatus.SCHEDULED)


class ApprovalRefusedError(Exception):
    """This person cannot approve this now; `code` is `not_allowed`, `not_in_review`, `not_needed` or `same_person`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def needed_parts(campaign: Campaign, *, recipients: int) -> list[CampaignPart]:
    """The parts that must be approved before `campaign` goes to so many; empty where the shop has no approvals."""
    if not settings.CAMPAIGN_APPROVALS:
        return []
    parts = [CampaignPart.MESSAGE, CampaignPart.AUDIENCE]
    if campaign.offer_id is not None:
        parts.append(CampaignPart.OFFER)
    if 0 < settings.SECOND_APPROVAL_ABOVE < recipients:
        parts.append(CampaignPart.WHOLE)
    return parts


def standing_approvals(campaign: Campaign) -> dict[str, Approval]:
    """The approvals that still hold, by part."""
    parts = campaign_parts(campaign)
    found = {each.part: each for each in campaign.approvals.select_related("approved_by")}
    standing = {part: each for part, each in found.items() if each.content == _content(parts, part)}
    whole = standing.get(CampaignPart.WHOLE)
    if whole and any(
        each.approved_by_id == whole.approved_by_id for part, each in standing.items() if part != CampaignPart.WHOLE
    ):
        del standing[CampaignPart.WHOLE]
    return standing


def missing_parts(campaign: Campaign, *, recipients: int | None = None) -> list[CampaignPart]:
    """The parts that still need an approval. `recipients` defaults to the most that an approver saw."""
    standing = standing_approvals(campaign)
    seen = max((each.recipients for each in standing.values()), default=0)
    needed = needed_parts(campaign, recipients=max(seen, recipients or 0))
    return [part for part in needed if part not in standing]


def submit_campaign(*, campaign: Campaign, user: User | None = None) -> None:
    """Ask for the approvals of a draft. Raises LaunchRefusedError while it is not ready, and IllegalMoveError."""
    if problems := launch_problems(campaign, at=max(campaign.scheduled_at or timezone.now(), timezone.now())):
        raise LaunchRefusedError(problems)
    with transaction.atomic():
        move_campaign(
            campaign, CampaignStatus.IN_REVIEW, before=[CampaignStatus.DRAFT], kind=ChangeKind.SUBMITTED, user=user
        )
        settle_review(campaign=campaign)


@transaction.atomic
def approve_part(*, campaign: Campaign, part: CampaignPart, user: User) -> None:
    """Approve one part as it is now. Raises ApprovalRefusedError."""
    locked = Campaign.objects.select_for_update(of=("self",)).get(pk=campaign.pk)
    recipients = audience_preview(locked).will_receive
    _check_approver(locked, part, user, recipients)
    Approval.objects.update_or_create(
        campaign=locked,
        part=part,
        defaults={
            "content": _content(campaign_parts(locked), part),
            "recipients": recipients,
            "approved_by": user,
            "approved_at": timezone.now(),
        },
    )
    note_change(campaign=locked, kind=ChangeKind.APPROVED, user=user, part=part)
    settle_review(campaign=locked)
    campaign.refresh_from_db(fields=["status", "updated_at"])


def _check_approver(campaign: Campaign, part: CampaignPart, user: User, recipients: int) -> None:
    if not user.has_perm(f"notifications.approve_{part}"):
        raise ApprovalRefusedError("not_allowed", _("You may not approve this part of a campaign."))
    if campaign.status not in (CampaignStatus.IN_REVIEW, CampaignStatus.APPROVED):
        raise ApprovalRefusedError("not_in_review", _("Only a campaign that is in review can be approved."))
    if part not in needed_parts(campaign, recipients=recipients):
        raise ApprovalRefusedError("not_needed", _("This campaign does not need that approval."))
    approvers = {each.approved_by_id for key, each in standing_approvals(campaign).items() if key != CampaignPart.WHOLE}
    if part == CampaignPart.WHOLE and user.pk in approvers:
        raise ApprovalRefusedError(
            "same_person",
            _("The second approval of a large campaign must come from somebody who has not approved a part of it."),
        )


def settle_review(*, campaign: Campaign) -> None:
    """Move `campaign` to where its approvals put it: approved with all of them, back to review when one is gone.

    Approvals that no longer hold are removed, and the history says so. A scheduled campaign goes back with its run.
    """
    campaign.refresh_from_db(fields=["status"])
    if campaign.status not in UNDER_REVIEW:
        return
    _remove_stale(campaign)
    missing = missing_parts(campaign)
    if not missing:
        move_campaign(campaign, CampaignStatus.APPROVED, before=[CampaignStatus.IN_REVIEW], or_stay=True)
        return
    waiting = [CampaignStatus.APPROVED, CampaignStatus.SCHEDULED]
    if move_campaign(campaign, CampaignStatus.IN_REVIEW, before=waiting, or_stay=True):
        campaign.runs.filter(status="pending").delete()


def _remove_stale(campaign: Campaign) -> None:
    standing = standing_approvals(campaign)
    for approval in campaign.approvals.exclude(part__in=standing):
        approval.delete()
        note_change(campaign=campaign, kind=ChangeKind.WITHDRAWN, part=approval.part)


def withdraw_stale_approvals() -> None:
    """Take back every approved campaign that was changed since, also by an edit of its segment or offer."""
    if not settings.CAMPAIGN_APPROVALS:
        return
    approved = Campaign.objects.filter(status__in=UNDER_REVIEW, approvals__isnull=False).distinct()
    for pk in approved.values_list("pk", flat=True):
        with transaction.atomic():
            campaign = Campaign.objects.select_for_update(of=("self",)).get(pk=pk)
            settle_review(campaign=campaign)


def _content(parts: dict[str, dict[str, object]], part: str) -> dict[str, object]:
    if part != CampaignPart.WHOLE:
        return parts[part]
    return {name: parts[name] for name in (CampaignPart.MESSAGE, CampaignPart.AUDIENCE, CampaignPart.OFFER)}
