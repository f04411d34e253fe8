"""The first page of the admin: how the shop, the model and the campaigns stand."""

import json
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from catalog.big_tables import estimated_rows
from notifications.choices import CampaignStatus, MessageState
from notifications.models import Campaign, Message
from recommendations.models import TrainingRun
from recommendations.registry import champion

DAYS = 90


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add what the template shows. Counts of big tables are estimates; nothing here scans one."""
    since = timezone.now() - timedelta(days=DAYS)
    orders = _orders_by_week(since)
    context.update(
        {
            "title": _("Overview"),
            "counts": [
                (_("Customers"), estimated_rows("users_customer"), "admin:users_customer_changelist"),
                (_("Items"), estimated_rows("catalog_item"), "admin:catalog_item_changelist"),
                (_("Events"), estimated_rows("users_event"), "admin:users_event_changelist"),
                (_("Orders"), estimated_rows("users_order"), "admin:users_order_changelist"),
            ],
            "revenue": sum((revenue for _week, _count, revenue in orders), start=0),
            "currency": settings.SHOP_CURRENCY,
            "days": DAYS,
            "orders_chart": _chart(orders),
            "champion": champion(),
            "training": TrainingRun.objects.order_by("-id").first(),
            "campaigns": Campaign.objects.exclude(status=CampaignStatus.DRAFT).order_by("-updated_at")[:5],
            "attention": _attention(),
        }
    )
    return context


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
    if champion() is None:
        found.append((_("No model has been trained yet."), "admin:recommendations_trainingrun_add"))
    return found
