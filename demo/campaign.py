"""The loop's campaign "We miss you": who has not ordered for 60 days gets four gifts and a coupon."""

from decimal import Decimal

from django.db import transaction

from demo.accounts import DEMO_USER
from demo.folder import LOG_DIR
from demo.importing import CURRENCY
from demo.progress import Bar, StepFailedError, wait_until
from demo.state import State
from notifications.campaigns.lifecycle import launch_campaign
from notifications.choices import MessageState, OfferType, RunStatus
from notifications.content.starter import starter_template
from notifications.models import Campaign, Message, Offer, Run, Segment, Variant
from users.models import User

NAME = "We miss you"
LAPSED_DAYS = 60

_PATIENCE_SECONDS = 900
_OVER = {RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.STOPPED}


def send(state: State, bar: Bar) -> str:
    """Launch the campaign unless it was, and wait until its run has planned and sent everything."""
    campaign = Campaign.objects.filter(name=NAME).first() or create_campaign()
    state.set(campaign=campaign.pk)
    if not campaign.runs.exists():
        launch_campaign(campaign=campaign, user=User.objects.get(username=DEMO_USER))
    run = campaign.runs.earliest("scheduled_at")

    def is_over() -> bool:
        run.refresh_from_db()
        bar.show(*_live(run))
        return run.status in _OVER

    wait_until(is_over, seconds=_PATIENCE_SECONDS, what="Sending the campaign", log=f"{LOG_DIR}/worker-send.log")
    if run.status != RunStatus.COMPLETED:
        raise StepFailedError(f"The campaign's run {run.status}: {run.error or 'somebody stopped it'}.")
    return f"{_sent(run):,} mails with a personal coupon, {run.recipients.filter(status='held_out').count():,} held out"


def _live(run: Run) -> tuple[str, float | None, float | None]:
    if run.status != RunStatus.SENDING:
        return f"run {run.get_status_display().lower()}", None, None
    total = Message.objects.filter(run=run).count()
    return "over SMTP", _sent(run), total


def _sent(run: Run) -> int:
    return Message.objects.filter(run=run, state=MessageState.SENT).count()


@transaction.atomic
def create_campaign() -> Campaign:
    """The segment, the offer, the message and the campaign, as a marketer would make them in the admin."""
    segment = Segment.objects.create(name=f"No order for {LAPSED_DAYS} days", rule=lapsed_rule())
    offer = Offer.objects.create(
        name="Spend 30, save 5",
        type=OfferType.SPEND_SAVE,
        value=Decimal(5),
        minimum_spend=Decimal(30),
        currency=CURRENCY,
        valid_days=14,
    )
    campaign = Campaign.objects.create(
        name=NAME, segment=segment, offer=offer, hold_out_percent=10, item_count=4, is_simulated=True
    )
    Variant.objects.create(
        campaign=campaign,
        name="A",
        subject="{{ items[0].title }} and {{ coupon.value | money: coupon.currency }} off: we miss you",
        preview_text="Four gifts chosen for you, and a coupon that is yours alone.",
        html=starter_template(),
    )
    return campaign


def lapsed_rule() -> dict[str, object]:
    """Customers whose last order is more than LAPSED_DAYS days old."""
    return {"field": "profile.last_order_at", "op": "older_than_days", "value": LAPSED_DAYS}
