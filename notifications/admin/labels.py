"""The colours of statuses, the same on every page."""

from notifications.choices import CampaignStatus, MessageState, RecipientStatus, RunStatus

CAMPAIGN_COLOURS = {
    CampaignStatus.SCHEDULED: "info",
    CampaignStatus.RUNNING: "info",
    CampaignStatus.PAUSED: "warning",
    CampaignStatus.COMPLETED: "success",
    CampaignStatus.STOPPED: "danger",
}
RUN_COLOURS = {
    RunStatus.PENDING: "info",
    RunStatus.PLANNING: "info",
    RunStatus.SENDING: "info",
    RunStatus.COMPLETED: "success",
    RunStatus.STOPPED: "warning",
    RunStatus.FAILED: "danger",
}
RECIPIENT_COLOURS = {
    RecipientStatus.PLANNED: "success",
    RecipientStatus.HELD_OUT: "info",
    RecipientStatus.SUPPRESSED: "warning",
}
MESSAGE_COLOURS = {
    MessageState.PLANNED: "info",
    MessageState.SENDING: "info",
    MessageState.SENT: "success",
    MessageState.FAILED: "danger",
    MessageState.UNKNOWN: "warning",
}
