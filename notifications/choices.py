"""Choices of the notifications' app, and the legal moves of its state machines."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class OfferType(models.TextChoices):
    PERCENT = "percent", _("Percent off")
    FIXED_AMOUNT = "fixed_amount", _("Fixed amount off")
    SPEND_SAVE = "spend_save", _("Spend X, save Y")
    LIMITED_PRICE = "limited_price", _("Items at a special price")
    BUY_X_GET_Y = "buy_x_get_y", _("Buy X, get Y")
    FREE_SHIPPING = "free_shipping", _("Free shipping")
    GIFT = "gift", _("Gift")
    POINTS = "points", _("Points")


# Several offers on one order are applied in this order, each to what those before it left; see docs/coupons.md.
APPLICATION_ORDER: tuple[str, ...] = (
    *(OfferType.LIMITED_PRICE, OfferType.BUY_X_GET_Y, OfferType.PERCENT, OfferType.SPEND_SAVE),
    *(OfferType.FIXED_AMOUNT, OfferType.FREE_SHIPPING, OfferType.GIFT, OfferType.POINTS),
)


class Stacking(models.TextChoices):
    """Whether an offer may stand beside others on one order."""

    EXCLUSIVE = "exclusive", _("Alone on an order")
    STACKABLE = "stackable", _("Together with offers of other groups")


class CodeSource(models.TextChoices):
    GENERATED = "generated", _("Made by Apropos")
    IMPORTED = "imported", _("Imported")


class CouponStatus(models.TextChoices):
    ISSUED = "issued", _("Issued")
    REDEEMED = "redeemed", _("Redeemed")
    CANCELLED = "cancelled", _("Cancelled")


class RedemptionState(models.TextChoices):
    RESERVED = "reserved", _("Reserved")
    COMMITTED = "committed", _("Committed")
    RELEASED = "released", _("Released")


class Refusal(models.TextChoices):
    """Why a coupon is refused; the value is what the API answers."""

    NOT_FOUND = "not_found", _("There is no such coupon.")
    NOT_YOURS = "not_yours", _("This coupon belongs to another customer.")
    NOT_YET_VALID = "not_yet_valid", _("This coupon is not valid yet.")
    EXPIRED = "expired", _("This coupon has expired.")
    CANCELLED = "cancelled", _("This coupon was cancelled.")
    MINIMUM_SPEND = "minimum_spend", _("The order is below the minimum spend.")
    CURRENCY = "currency", _("The order is in another currency than the offer.")
    LIMIT_REACHED = "limit_reached", _("This coupon was already used.")
    BUDGET_EXHAUSTED = "budget_exhausted", _("The budget of this offer is spent.")
    NOT_RESERVED = "not_reserved", _("There is no open reservation of this coupon for this order.")
    MINIMUM_QUANTITY = "minimum_quantity", _("There are too few items in the order for this coupon.")
    OUT_OF_SCOPE = "out_of_scope", _("Nothing in the order is part of this offer.")
    NOTHING_TO_DISCOUNT = "nothing_to_discount", _("There is nothing in the order that this coupon could take off.")
    LINES_NEEDED = "lines_needed", _("This offer depends on the items; send the lines of the order.")
    OFFER_LIMIT = "offer_limit", _("All uses of this offer are taken.")
    CUSTOMER_LIMIT = "customer_limit", _("You have used this offer as often as it allows.")
    NOT_STACKABLE = "not_stackable", _("This coupon cannot be combined with another one of the order.")
    TIER_REQUIRED = "tier_required", _("This coupon is for members of a higher tier.")
    NOT_COMMITTED = "not_committed", _("This coupon was not used on this order.")
    RETURN_TOO_LARGE = "return_too_large", _("More would be returned than was bought.")
    POINTS_SHORT = "points_short", _("There are not enough points.")


class PointsKind(models.TextChoices):
    """Why points moved; credits are above 0, debits below."""

    EARNED = "earned", _("Earned")
    SPENT = "spent", _("Spent")
    EXPIRED = "expired", _("Expired")
    REVERSED = "reversed", _("Reversed")
    ADJUSTED = "adjusted", _("Adjusted")


class TierBasis(models.TextChoices):
    """What a customer must reach for a tier."""

    POINTS = "points", _("Points earned")
    SPEND = "spend", _("Money spent")


class CampaignStatus(models.TextChoices):
    DRAFT = "draft", _("Draft")
    IN_REVIEW = "in_review", _("In review")
    APPROVED = "approved", _("Approved")
    SCHEDULED = "scheduled", _("Scheduled")
    RUNNING = "running", _("Running")
    PAUSED = "paused", _("Paused")
    COMPLETED = "completed", _("Completed")
    STOPPED = "stopped", _("Stopped")


CAMPAIGN_MOVES: dict[str, set[str]] = {
    CampaignStatus.DRAFT: {CampaignStatus.IN_REVIEW, CampaignStatus.SCHEDULED},
    CampaignStatus.IN_REVIEW: {CampaignStatus.DRAFT, CampaignStatus.APPROVED},
    CampaignStatus.APPROVED: {CampaignStatus.DRAFT, CampaignStatus.IN_REVIEW, CampaignStatus.SCHEDULED},
    # Back to review when what was approved is changed before it starts.
    CampaignStatus.SCHEDULED: {
        *(CampaignStatus.DRAFT, CampaignStatus.IN_REVIEW),
        *(CampaignStatus.RUNNING, CampaignStatus.STOPPED),
    },
    CampaignStatus.RUNNING: {CampaignStatus.PAUSED, CampaignStatus.COMPLETED, CampaignStatus.STOPPED},
    CampaignStatus.PAUSED: {CampaignStatus.RUNNING, CampaignStatus.STOPPED},
    # A message that is deliberately sent again opens its campaign and run once more.
    CampaignStatus.COMPLETED: {CampaignStatus.RUNNING},
}

EDITABLE_CAMPAIGN_STATUSES = (CampaignStatus.DRAFT, CampaignStatus.IN_REVIEW, CampaignStatus.APPROVED)


class CampaignPart(models.TextChoices):
    """What of a campaign is approved by itself; each needs the permission `approve_<part>`."""

    MESSAGE = "message", _("Message")
    AUDIENCE = "audience", _("Audience")
    OFFER = "offer", _("Offer")
    WHOLE = "whole", _("Large audience, second look")


class ChangeKind(models.TextChoices):
    """What happened to a campaign, as its history tells it."""

    CREATED = "created", _("created it")
    EDITED = "edited", _("edited it")
    SUBMITTED = "submitted", _("asked for approval")
    APPROVED = "approved", _("approved")
    WITHDRAWN = "withdrawn", _("withdrew the approval of")
    REOPENED = "reopened", _("took it back to draft")
    LAUNCHED = "launched", _("launched it")
    PAUSED = "paused", _("paused it")
    RESUMED = "resumed", _("resumed it")
    STOPPED = "stopped", _("stopped it")


def statuses_before(moves: dict[str, set[str]], status: str) -> list[str]:
    """The statuses from which `status` may be reached."""
    return [before for before, after in moves.items() if status in after]


class ItemChoice(models.TextChoices):
    """Which of a customer's recommendations a campaign shows."""

    NEW = "new", _("Not bought yet")
    AGAIN = "again", _("Bought before")
    ANY = "any", _("Any")


class RunStatus(models.TextChoices):
    PENDING = "pending", _("Waiting")
    PLANNING = "planning", _("Planning")
    SENDING = "sending", _("Sending")
    COMPLETED = "completed", _("Completed")
    STOPPED = "stopped", _("Stopped")
    FAILED = "failed", _("Failed")


RUN_MOVES: dict[str, set[str]] = {
    RunStatus.PENDING: {RunStatus.PLANNING, RunStatus.STOPPED},
    RunStatus.PLANNING: {RunStatus.SENDING, RunStatus.STOPPED, RunStatus.FAILED},
    RunStatus.SENDING: {RunStatus.COMPLETED, RunStatus.STOPPED},
    RunStatus.COMPLETED: {RunStatus.SENDING},
}

OPEN_RUN_STATUSES = (RunStatus.PENDING, RunStatus.PLANNING, RunStatus.SENDING)


class RecipientStatus(models.TextChoices):
    """What was decided about one customer in one run."""

    PLANNED = "planned", _("Will receive")
    HELD_OUT = "held_out", _("Held out")
    SUPPRESSED = "suppressed", _("Suppressed")


class SuppressionReason(models.TextChoices):
    NO_ADDRESS = "no_address", _("No address")
    NO_CONSENT = "no_consent", _("No consent")
    SUPPRESSED_ADDRESS = "suppressed_address", _("Address on the suppression list")
    TOPIC_REFUSED = "topic_refused", _("Does not want this topic")
    FREQUENCY_CAP = "frequency_cap", _("Frequency cap reached")
    NO_RECOMMENDATION = "no_recommendation", _("Nothing to recommend")
    TOO_LATE = "too_late", _("Too late to be of use")


class MessageState(models.TextChoices):
    PLANNED = "planned", _("Planned")
    SENDING = "sending", _("Sending")
    SENT = "sent", _("Sent")
    FAILED = "failed", _("Failed")
    UNKNOWN = "unknown", _("Unknown")
    CANCELLED = "cancelled", _("Cancelled")


# `sending` goes back to `planned` only for a transient failure before the provider accepted the message. `unknown` is
# settled by the operator, or by the worker itself when it outlived its lease and knows the answer after all.
MESSAGE_MOVES: dict[str, set[str]] = {
    MessageState.PLANNED: {MessageState.SENDING, MessageState.CANCELLED},
    MessageState.SENDING: {MessageState.SENT, MessageState.FAILED, MessageState.UNKNOWN, MessageState.PLANNED},
    MessageState.UNKNOWN: {MessageState.PLANNED, MessageState.CANCELLED, MessageState.SENT, MessageState.FAILED},
    MessageState.FAILED: {MessageState.PLANNED},
}


class FeedbackKind(models.TextChoices):
    """What a receiver says after it has accepted a message."""

    HARD_BOUNCE = "hard_bounce", _("Hard bounce")
    SOFT_BOUNCE = "soft_bounce", _("Soft bounce")
    COMPLAINT = "complaint", _("Complaint")


class TriggerKind(models.TextChoices):
    """What makes a campaign run."""

    ONCE = "once", _("Once")
    RECURRING = "recurring", _("Again and again, by a schedule")
    CART_ABANDONED = "cart_abandoned", _("Cart abandoned")
    BROWSE_ABANDONED = "browse_abandoned", _("Looked, and left")
    AFTER_PURCHASE = "after_purchase", _("After a purchase")
    PRICE_DROP = "price_drop", _("Price dropped")
    BACK_IN_STOCK = "back_in_stock", _("Back in stock")
    NEW_ITEM = "new_item", _("New item they are likely to want")
    WIN_BACK = "win_back", _("Win back")
    BIRTHDAY = "birthday", _("Birthday")
    TIER_CHANGE = "tier_change", _("Tier changed")
    POINTS_EXPIRING = "points_expiring", _("Points about to expire")
    COUPON_EXPIRING = "coupon_expiring", _("Coupon about to expire")
    PARTNER = "partner", _("Partner brand")
    EVENT = "event", _("An event of your choice")
    FOLLOW_UP = "follow_up", _("After another campaign (next step of a journey)")


# These run at set times for everyone in the segment; every other kind waits for single customers to enter.
SCHEDULED_TRIGGERS = (TriggerKind.ONCE, TriggerKind.RECURRING)


class Clock(models.TextChoices):
    """Whose clock a schedule means."""

    ZONE = "zone", _("One time zone")
    CUSTOMER = "customer", _("Each customer's local time")


class Misfire(models.TextChoices):
    """What becomes of a run whose time passed while nothing was running."""

    LATE = "late", _("Run late, once")
    DROP = "drop", _("Drop it")


class WaitUnit(models.TextChoices):
    MINUTES = "minutes", _("minutes")
    HOURS = "hours", _("hours")
    DAYS = "days", _("days")


class StepCondition(models.TextChoices):
    """Who goes on from the step before."""

    ANY = "any", _("Everyone")
    CLICKED = "clicked", _("Who clicked the step before")
    NOT_CLICKED = "not_clicked", _("Who did not click the step before")


class EnrolmentState(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    SENT = "sent", _("Went on")
    EXITED = "exited", _("Exited")
    DROPPED = "dropped", _("Dropped")


ENROLMENT_MOVES: dict[str, set[str]] = {
    EnrolmentState.WAITING: {EnrolmentState.SENT, EnrolmentState.EXITED, EnrolmentState.DROPPED},
    # Whether the segment matches and a message may go out is known only when the run has decided.
    EnrolmentState.SENT: {EnrolmentState.DROPPED},
}


class EnrolmentReason(models.TextChoices):
    """Why an enrolment ended without a run, or without a message."""

    ACTED = "acted", _("Did meanwhile what ends it")
    NOTHING_LEFT = "nothing_left", _("Nothing is left to write about")
    CONDITION = "condition", _("The step before does not lead here")
    TOO_LATE = "too_late", _("Too late to be of use")
    NOT_IN_SEGMENT = "not_in_segment", _("Not in the segment")
    SUPPRESSED = "suppressed", _("May not be written to, or nothing to show")
    ENDED = "ended", _("The campaign ended")
