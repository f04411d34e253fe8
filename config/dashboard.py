"""The first page of the admin: how the shop, the model and the campaigns stand."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from catalog.big_tables import estimated_rows
from catalog.charts import chart_options
from notifications.choices import CampaignStatus, MessageState
from notifications.models import Campaign, Message, Offer, Segment
from recommendations.models import ModelVersion
from recommendations.registry import champion

DAYS = 90
UNDER_WAY = (CampaignStatus.SCHEDULED, CampaignStatus.RUNNING, CampaignStatus.PAUSED)
MEASURED = (CampaignStatus.RUNNING, CampaignStatus.PAUSED, CampaignStatus.COMPLETED, CampaignStatus.STOPPED)


@dataclass(frozen=True)
class Station:
    """One station of the loop: what stands there, and where it is looked at."""

    title: str
    icon: str
    figure: str
    text: str
    url: str


@dataclass(frozen=True)
class FirstStep:
    """What a new shop does first."""

    text: str
    url: str
    is_done: bool


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add what the template shows. Counts of big tables are estimates; nothing here scans one."""
    since = timezone.now() - timedelta(days=DAYS)
    orders = _orders_by_week(since)
    serving = champion()
    steps = _first_steps(has_model=serving is not None)
    campaigns = Campaign.objects.select_related("segment").order_by("-updated_at")
    context.update(
        {
            "title": _("Overview"),
            "loop": _loop(serving),
            "steps": [] if all(step.is_done for step in steps) else steps,
            "next_step": next((step for step in steps if not step.is_done), None),
            "measured": campaigns.filter(status__in=MEASURED, runs__planned_at__isnull=False).distinct().first(),
            "revenue": sum((revenue for _week, _count, revenue in orders), start=0),
            "currency": settings.SHOP_CURRENCY,
            "days": DAYS,
            "orders_chart": _chart(orders),
            "chart_options": chart_options(legend=False),
            "campaigns": campaigns[:5],
            "demo_url": "/" if settings.DEMO else "",
            "attention": _attention(),
        }
    )
    return context


def _loop(serving: ModelVersion | None) -> list[Station]:
    """The stations in the order in which events go through them; the last one is drawn by the template."""
    running = Campaign.objects.filter(status__in=UNDER_WAY).count()
    finished = Campaign.objects.filter(status=CampaignStatus.COMPLETED).count()
    events, customers = estimated_rows("users_event"), estimated_rows("users_customer")
    return [
        Station(
            _("Your shop"),
            "storefront",
            f"{customers:,}",
            _("customers, %(events)s events") % {"events": f"{events:,}"},
            reverse("admin:users_customer_changelist"),
        ),
        Station(
            _("Recommender"),
            "model_training",
            str(serving) if serving else "—",
            _("serves, because it won") if serving else _("not trained yet"),
            reverse("admin:recommendations_modelversion_changelist"),
        ),
        Station(
            _("Campaigns"),
            "campaign",
            f"{running:,}",
            _("under way, %(finished)s finished") % {"finished": f"{finished:,}"},
            reverse("admin:notifications_campaign_changelist"),
        ),
        Station(
            _("Messages"),
            "outgoing_mail",
            f"{estimated_rows('notifications_message'):,}",
            _("each at most once"),
            reverse("admin:notifications_message_changelist"),
        ),
    ]


def _first_steps(*, has_model: bool) -> list[FirstStep]:
    rows = (
        (_("Bring in customers, items and events"), "users_importjob", estimated_rows("users_customer") > 0),
        (_("Train the recommender on them"), "recommendations_trainingrun", has_model),
        (_("Say whom you want to reach"), "notifications_segment", Segment.objects.exists()),
        (_("Make an offer"), "notifications_offer", Offer.objects.exists()),
        (_("Compose a campaign"), "notifications_campaign", Campaign.objects.exists()),
    )
    return [FirstStep(text, reverse(f"admin:{name}_add"), is_done) for text, name, is_done in rows]


def _orders_by_week(since: Any) -> list[tuple[Any, int, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT date_trunc('week', placed_at)::date, count(*), sum(total) FROM users_order
            WHERE placed_at >= %s AND status <> 'cancelled' AND currency = %s GROUP BY 1 ORDER BY 1
            """,
            [since, settings.SHOP_CURRENCY],
        )
        return cursor.fetchall()


def _chart(orders: list[tuple[Any, int, Any]]) -> str:
    if not orders:
        return ""
    series = {
        "label": _("Revenue, %(currency)s") % {"currency": settings.SHOP_CURRENCY},
        "displayYAxis": True,
        "data": [float(revenue) for _week, _count, revenue in orders],
        "backgroundColor": "var(--color-primary-500)",
    }
    day = pgettext("date format", "M d")
    labels = [date_format(week, day) for week, _count, _revenue in orders]
    return json.dumps({"labels": labels, "datasets": [series]})


def _attention() -> list[tuple[str, str]]:
    """What an operator should look at, with the page's URL name."""
    found = []
    if Message.objects.filter(state=MessageState.UNKNOWN).exists():
        found.append((_("Some messages have an unknown outcome."), "admin:notifications_message_changelist"))
    return found
