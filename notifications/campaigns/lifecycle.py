"""What a marketer does with a campaign. Every move is one conditional UPDATE along `CAMPAIGN_MOVES`."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from notifications.campaigns.cancel import cancel_messages
from notifications.campaigns.checks import launch_problems
from notifications.campaigns.schedule import first_run
from notifications.choices import (
    CAMPAIGN_MOVES,
    OPEN_RUN_STATUSES,
    CampaignStatus,
    RunStatus,
    statuses_before,
)
from notifications.models import Campaign, Run
from users.models import User


class IllegalMoveError(Exception):
    """The campaign is not in a status from which this is possible."""


class LaunchRefusedError(Exception):
    """The campaign is not ready; `problems` says why, one sentence each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


def launch_campaign(*, campaign: Campaign, user: User | None = None, at: datetime | None = None) -> Run | None:
    """Schedule the first run of a draft for `at`, its own time, or now; the scheduler starts it when it is due.

    None where its trigger waits for customers to enter.

    Raises IllegalMoveError when it is no draft, LaunchRefusedError with every problem that is left.
    """
    moment = at or campaign.scheduled_at or timezone.now()
    if CampaignStatus.SCHEDULED not in CAMPAIGN_MOVES.get(campaign.status, set()):
        raise _illegal_move(campaign, CampaignStatus.SCHEDULED)
    if problems := launch_problems(campaign, at=max(moment, timezone.now())):
        raise LaunchRefusedError(problems)
    with transaction.atomic():
        _move(campaign, CampaignStatus.SCHEDULED)
        return first_run(campaign=campaign, at=moment, user=user)


def pause_campaign(*, campaign: Campaign) -> None:
    """Stop claiming its messages until it is resumed. Raises IllegalMoveError."""
    _move(campaign, CampaignStatus.PAUSED)


def resume_campaign(*, campaign: Campaign) -> None:
    """Go on where it was paused. Raises IllegalMoveError."""
    if campaign.status != CampaignStatus.PAUSED:
        raise _illegal_move(campaign, CampaignStatus.RUNNING)
    _move(campaign, CampaignStatus.RUNNING)


@transaction.atomic
def stop_campaign(*, campaign: Campaign) -> None:
    """End it for good and cancel what was not sent, with the coupons nobody has seen. Raises IllegalMoveError."""
    _move(campaign, CampaignStatus.STOPPED)
    runs = list(campaign.runs.select_for_update().filter(status__in=OPEN_RUN_STATUSES).values_list("pk", flat=True))
    Run.objects.filter(pk__in=runs).update(status=RunStatus.STOPPED, finished_at=timezone.now())
    cancel_messages(run_ids=runs, kind="stopped", reason=_("The campaign was stopped."))


def _move(campaign: Campaign, status: CampaignStatus) -> None:
    before = statuses_before(CAMPAIGN_MOVES, status)
    moved = Campaign.objects.filter(pk=campaign.pk, status__in=before).update(status=status, updated_at=timezone.now())
    campaign.refresh_from_db(fields=["status", "updated_at"])
    if not moved:
        raise _illegal_move(campaign, status)


def _illegal_move(campaign: Campaign, status: CampaignStatus) -> IllegalMoveError:
    return IllegalMoveError(
        _("The campaign “%(campaign)s” is %(now)s and cannot become %(status)s.")
        % {"campaign": campaign, "now": campaign.get_status_display(), "status": status.label}
    )
