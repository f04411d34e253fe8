"""The colours of statuses and the words for kinds of errors, the same on every page."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from notifications.choices import CampaignStatus, MessageState, RecipientStatus, RunStatus, SuppressionReason

CAMPAIGN_COLOURS: dict[str, str] = {
    CampaignStatus.DRAFT: "",
    CampaignStatus.IN_REVIEW: "warning",
    CampaignStatus.APPROVED: "success",
    CampaignStatus.SCHEDULED: "info",
    CampaignStatus.RUNNING: "info",
    CampaignStatus.PAUSED: "warning",
    CampaignStatus.COMPLETED: "success",
    CampaignStatus.STOPPED: "danger",
}
RUN_COLOURS: dict[str, str] = {
    RunStatus.PENDING: "info",
    RunStatus.PLANNING: "info",
    RunStatus.SENDING: "info",
    RunStatus.COMPLETED: "success",
    RunStatus.STOPPED: "warning",
    RunStatus.FAILED: "danger",
}
RECIPIENT_COLOURS: dict[str, str] = {
    RecipientStatus.PLANNED: "success",
    RecipientStatus.HELD_OUT: "info",
    RecipientStatus.SUPPRESSED: "warning",
}
MESSAGE_COLOURS: dict[str, str] = {
    MessageState.PLANNED: "info",
    MessageState.SENDING: "info",
    MessageState.SENT: "success",
    MessageState.FAILED: "danger",
    MessageState.UNKNOWN: "warning",
    MessageState.CANCELLED: "",
}
ERROR_KINDS: dict[str, str | Promise] = {
    "transient": _("Not accepted for now"),
    "throttled": _("Too fast for the provider, or nobody there"),
    "permanent": _("Refused for good"),
    "bad_address": _("Nobody can be reached there"),
    "outcome_unknown": _("The answer was lost: it may have arrived"),
    "abandoned": _("The worker stopped: it may have arrived"),
    "domain_rests": _("Waits for its mail domain"),
    "erased": _("The customer was erased"),
    **{reason.value: reason.label for reason in SuppressionReason},
}


def error_label(kind: str) -> str:
    """What a kind of error means; one that has no words of its own as it is stored."""
    return str(ERROR_KINDS.get(kind, kind.replace("_", " ")))
