"""The colours of statuses, the same on every page."""

from notifications.choices import CampaignStatus, MessageState, RecipientStatus, RunStatus

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
