"""What a marketer does with a campaign once it is composed. Who may is the caller's to check."""

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from notifications.campaigns.audience import audience_preview
from notifications.campaigns.cancel import cancel_messages
from notifications.campaigns.checks import launch_problems
from notifications.campaigns.moves import IllegalMoveError, LaunchRefusedError, illegal_move, move_campaign
from notifications.campaigns.plan import end_run_alone
from notifications.campaigns.review import missing_parts, settle_review
from notifications.campaigns.schedule import first_run
from notifications.choices import OPEN_RUN_STATUSES, CampaignStatus, ChangeKind, RunStatus
from notifications.models import Campaign, Run, RunShard
from users.models import User

__all__ = [
    "IllegalMoveError",
    "LaunchRefusedError",
    "launch_campaign",
    "pause_campaign",
    "reopen_campaign",
    "resume_campaign",
    "stop_campaign",
]


class CountChangedError(Exception):
    """The number of recipients that was typed is not what would be sent; `recipients` is."""

    def __init__(self, recipients: int) -> None:
        super().__init__(
            ngettext(
                "It would be sent to %(n)s customer now. Look again, and type that number.",
                "It would be sent to %(n)s customers now. Look again, and type that number.",
                recipients,
            )
            % {"n": f"{recipients:,}"}
        )
        self.recipients = recipients


def launch_campaign(
    *, campaign: Campaign, user: User | None = None, at: datetime | None = None, confirmed: int | None = None
) -> Run | None:
    """Schedule the first run of a campaign for `at`, its own time, or now; the scheduler starts it when it is due.

    None where its trigger waits for customers to enter.

    `confirmed` is the number of recipients that whoever launches has typed; it may be a hundredth off, because
    customers come and go meanwhile. Raises IllegalMoveError when it cannot be launched from where it is,
    LaunchRefusedError with every problem that is left, and CountChangedError.
    """
    moment = at or campaign.scheduled_at or timezone.now()
    before = _launchable_statuses()
    if Campaign.objects.filter(pk=campaign.pk).exclude(status__in=before).exists():
        campaign.refresh_from_db(fields=["status"])
        raise illegal_move(campaign, CampaignStatus.SCHEDULED)
    if problems := launch_problems(campaign, at=max(moment, timezone.now())):
        raise LaunchRefusedError(problems)
    if confirmed is not None or settings.CAMPAIGN_APPROVALS:
        _check_count(campaign, confirmed)
    with transaction.atomic():
        move_campaign(campaign, CampaignStatus.SCHEDULED, before=before, kind=ChangeKind.LAUNCHED, user=user)
        return first_run(campaign=campaign, at=moment, user=user)


def _launchable_statuses() -> list[str]:
    """An approved campaign can always be launched, a draft only where nobody has to approve it."""
    if settings.CAMPAIGN_APPROVALS:
        return [CampaignStatus.APPROVED]
    return [CampaignStatus.DRAFT, CampaignStatus.APPROVED]


def _check_count(campaign: Campaign, confirmed: int | None) -> None:
    """The typed number, and the approvals for as many as there are now."""
    recipients = audience_preview(campaign).will_receive
    if confirmed is not None and abs(confirmed - recipients) > recipients // 100:
        raise CountChangedError(recipients)
    if missing := missing_parts(campaign, recipients=recipients):
        settle_review(campaign=campaign)
        names = ", ".join(str(part.label) for part in missing)
        raise LaunchRefusedError([_("It still needs an approval: %(parts)s.") % {"parts": names}])


def reopen_campaign(*, campaign: Campaign, user: User | None = None) -> None:
    """Take a campaign that has not started back to draft; its waiting run is forgotten. Raises IllegalMoveError."""
    before = [CampaignStatus.IN_REVIEW, CampaignStatus.APPROVED, CampaignStatus.SCHEDULED]
    with transaction.atomic():
        move_campaign(campaign, CampaignStatus.DRAFT, before=before, kind=ChangeKind.REOPENED, user=user)
        campaign.runs.filter(status=RunStatus.PENDING).delete()


def pause_campaign(*, campaign: Campaign, user: User | None = None) -> None:
    """Stop claiming its messages until it is resumed. Raises IllegalMoveError."""
    before = [CampaignStatus.RUNNING]
    move_campaign(campaign, CampaignStatus.PAUSED, before=before, kind=ChangeKind.PAUSED, user=user)


def resume_campaign(*, campaign: Campaign, user: User | None = None) -> None:
    """Go on where it was paused. Raises IllegalMoveError."""
    before = [CampaignStatus.PAUSED]
    move_campaign(campaign, CampaignStatus.RUNNING, before=before, kind=ChangeKind.RESUMED, user=user)


@transaction.atomic
def stop_campaign(*, campaign: Campaign, user: User | None = None) -> None:
    """End it for good and cancel what was not sent, with the coupons nobody has seen. Raises IllegalMoveError."""
    before = [CampaignStatus.SCHEDULED, CampaignStatus.RUNNING, CampaignStatus.PAUSED]
    runs = list(campaign.runs.filter(status__in=OPEN_RUN_STATUSES).order_by("pk").values_list("pk", flat=True))
    for run_id in runs:
        end_run_alone(run_id=run_id)
    move_campaign(campaign, CampaignStatus.STOPPED, before=before, kind=ChangeKind.STOPPED, user=user)
    RunShard.objects.filter(run__in=runs).delete()
    Run.objects.filter(pk__in=runs).update(status=RunStatus.STOPPED, finished_at=timezone.now())
    cancel_messages(run_ids=runs, kind="stopped", reason=_("The campaign was stopped."))
