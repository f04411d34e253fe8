"""One step of a campaign along `CAMPAIGN_MOVES`: a conditional UPDATE, so that of two people only one succeeds."""

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from notifications.campaigns.history import note_change
from notifications.choices import CAMPAIGN_MOVES, CampaignStatus, ChangeKind, statuses_before
from notifications.models import Campaign
from users.models import User


class IllegalMoveError(Exception):
    """The campaign is not in a status from which this is possible."""


class LaunchRefusedError(Exception):
    """The campaign is not ready; `problems` says why, one sentence each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = list(problems)


@transaction.atomic
def move_campaign(
    campaign: Campaign,
    status: CampaignStatus,
    *,
    before: Sequence[str],
    kind: ChangeKind | None = None,
    user: User | None = None,
    or_stay: bool = False,
) -> bool:
    """Move from one of `before` to `status`, and note it as `kind`; returns whether it moved.

    Raises IllegalMoveError when it is in none of them, unless it may `or_stay` where it is.
    """
    legal = [each for each in statuses_before(CAMPAIGN_MOVES, status) if each in before]
    moved = Campaign.objects.filter(pk=campaign.pk, status__in=legal).update(status=status, updated_at=timezone.now())
    campaign.refresh_from_db(fields=["status", "updated_at"])
    if moved and kind:
        note_change(campaign=campaign, kind=kind, user=user)
    if not moved and not or_stay:
        raise illegal_move(campaign, status)
    return bool(moved)


def illegal_move(campaign: Campaign, status: CampaignStatus) -> IllegalMoveError:
    """The error that says where `campaign` is and where it cannot go."""
    return IllegalMoveError(
        _("The campaign “%(campaign)s” is %(now)s and cannot become %(status)s.")
        % {"campaign": campaign, "now": campaign.get_status_display(), "status": status.label}
    )
