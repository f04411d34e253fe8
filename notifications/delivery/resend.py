"""Sending a message again because the operator says so."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from notifications.choices import CampaignStatus, MessageState, RunStatus
from notifications.models import Campaign, Message, Run

RESENDABLE = (MessageState.UNKNOWN, MessageState.FAILED)


class NotResendableError(Exception):
    """The message is not in a state, or its campaign not in a status, in which it may be sent again."""


@transaction.atomic
def resend_message(*, message_id: int) -> Message:
    """Plan an `unknown` or `failed` message anew; consent is checked again when it is claimed.

    A completed campaign and run open once more for it. If the first copy did arrive, the second has the same
    Message-ID. Raises NotResendableError, also when the campaign was stopped.
    """
    message = Message.objects.select_related("run__campaign").get(pk=message_id)
    campaign = message.run.campaign
    if campaign.status not in (CampaignStatus.RUNNING, CampaignStatus.PAUSED, CampaignStatus.COMPLETED):
        raise NotResendableError(
            _("The campaign “%(campaign)s” is %(status)s; its messages stay as they are.")
            % {"campaign": campaign, "status": campaign.get_status_display()}
        )
    planned = Message.objects.filter(pk=message_id, state__in=RESENDABLE).update(
        state=MessageState.PLANNED, due_at=timezone.now(), attempts=0, error_kind="", error="", lease_until=None
    )
    if not planned:
        raise NotResendableError(
            _("Message %(message)d is %(state)s; only unknown and failed ones can be sent again.")
            % {"message": message_id, "state": message.get_state_display()}
        )
    Run.objects.filter(pk=message.run_id, status=RunStatus.COMPLETED).update(status=RunStatus.SENDING, finished_at=None)
    Campaign.objects.filter(pk=campaign.pk, status=CampaignStatus.COMPLETED).update(
        status=CampaignStatus.RUNNING, updated_at=timezone.now()
    )
    message.refresh_from_db()
    return message
