"""An item's page: how it sells, at which prices, to whom, and what else its buyers buy."""

from django.conf import settings
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from catalog.models import Item
from catalog.panels import item_panels
from users.admin.charts import lines, stacked_bars
from users.behaviour.items import ItemFigures, item_figures


def item_panel(request: HttpRequest, item: Item) -> str:
    """The figures above the item's fields."""
    if not request.user.has_perm("users.view_event"):
        return ""
    figures = item_figures(item, now=timezone.now())
    day = pgettext("date format", "M d")
    labels = [date_format(week.day, day) for week in figures.weeks]
    context = {
        "item": item,
        "figures": figures,
        "cards": _cards(item, figures),
        "sales_chart": stacked_bars(labels, [(_("Units sold"), [week.units for week in figures.weeks])]),
        "price_chart": _price_chart(item, figures, labels),
        "currency": item.currency or settings.SHOP_CURRENCY,
    }
    return render_to_string("users/admin/item_panel.html", context, request)


def _cards(item: Item, figures: ItemFigures) -> list[tuple[str, str, str]]:
    stock = "—" if item.stock is None else f"{item.stock:,}"
    weekly = sum(week.units for week in figures.weeks[-8:]) / 8
    lasts = ""
    if item.stock is not None and weekly:
        lasts = _("about %(weeks)s weeks at the recent pace") % {"weeks": f"{item.stock / weekly:,.0f}"}
    return [
        (_("Units sold"), f"{figures.units:,}", _("in 52 weeks")),
        (_("Revenue"), f"{figures.revenue:,.2f} {item.currency}", ""),
        (_("Buyers"), f"{figures.buyers:,}", ""),
        (
            _("Sent back"),
            f"{figures.refunded_units:,}",
            f"{figures.refunded_units / figures.units:.1%}" if figures.units else "",
        ),
        (_("Views"), f"{figures.views:,}", ""),
        (_("In stock"), stock, lasts or (_("not counted") if item.stock is None else "")),
    ]


def _price_chart(item: Item, figures: ItemFigures, labels: list[str]) -> object:
    prices = [week.price for week in figures.weeks]
    if not any(price is not None for price in prices):
        return None
    series: list[tuple[str, list[float | None]]] = [(_("Median price paid"), prices)]
    if item.price is not None:
        series.append((_("Price in the catalogue"), [float(item.price)] * len(prices)))
    return lines(labels, series)


item_panels.append(item_panel)
