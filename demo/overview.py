"""What the demo's first page tells: how far the loop is, and what it has counted."""

from dataclasses import dataclass

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import Sum
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from catalog.models import Item
from demo.folder import MAIL_DIR
from demo.mailbox import Mailbox
from demo.state import STEPS, State
from notifications.choices import RedemptionState
from notifications.models import Click, Redemption
from users.models import Order, Profile

_TEXTS = {
    "import": (gettext_lazy("Import"), gettext_lazy("a year of a real gift shop's invoices, cleaned and counted")),
    "train": (gettext_lazy("Train"), gettext_lazy("a sequential transformer, judged against two baselines")),
    "score": (gettext_lazy("Score"), gettext_lazy("four gifts that fit each shopper, with the reason")),
    "send": (gettext_lazy("Send"), gettext_lazy("“We miss you” with a personal coupon, a tenth held out")),
    "simulate": (gettext_lazy("Listen"), gettext_lazy("simulated shoppers click, order and redeem")),
    "report": (gettext_lazy("Prove"), gettext_lazy("the lift against the hold-out, with its interval")),
}


@dataclass(frozen=True)
class Step:
    title: str | Promise
    text: str | Promise
    status: str  # done, running or waiting
    seconds: float | None


@dataclass(frozen=True)
class Figure:
    label: str
    value: str
    url: str


@dataclass(frozen=True)
class Overview:
    steps: list[Step]
    figures: list[Figure]
    is_finished: bool
    report_url: str


def overview() -> Overview:
    """The loop's steps and the shop's figures, read now."""
    state = State()
    running = state.get("step", "")
    steps = [Step(*_TEXTS[name], _status(name, running, state.seconds), state.seconds.get(name)) for name in STEPS]
    return Overview(
        steps=steps,
        figures=_figures(),
        is_finished=all(step.status == "done" for step in steps),
        report_url=campaign_report_url(state.get("campaign")),
    )


def _status(name: str, running: str, finished: dict[str, float]) -> str:
    if name in finished:
        return "done"
    return "running" if name == running else "waiting"


def _figures() -> list[Figure]:
    counted = Profile.objects.aggregate(events=Sum("event_count"))
    redeemed = Redemption.objects.filter(state=RedemptionState.COMMITTED).count()
    rows = [
        (_("Customers"), Profile.objects.count(), "admin:users_customer_changelist"),
        (_("Orders"), Order.objects.count(), "admin:users_order_changelist"),
        (_("Events"), counted["events"] or 0, "admin:users_event_changelist"),
        (_("Items"), Item.objects.count(), "admin:catalog_item_changelist"),
        (_("Mails in the inbox"), len(Mailbox(MAIL_DIR).names()), "demo:inbox"),
        (_("Clicks"), Click.objects.count(), "admin:notifications_message_changelist"),
        (_("Coupons redeemed"), redeemed, "admin:notifications_coupon_changelist"),
    ]
    return [Figure(label, intcomma(number), _url(name)) for label, number, name in rows]


def campaign_report_url(campaign_id: int | None) -> str:
    """Where the admin shows the campaign's report; empty before there is one."""
    return _url("admin:notifications_campaign_report", campaign_id) if campaign_id else ""


def _url(name: str, *arguments: object) -> str:
    try:
        return reverse(name, args=arguments)
    except NoReverseMatch:
        return ""
