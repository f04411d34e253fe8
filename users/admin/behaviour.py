"""What customers did: events and orders; and what was dropped on the way in."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from catalog.big_tables import ReadOnlyBigTableAdmin
from users.models import Customer, Event, Order, QualityCount


@admin.register(Event)
class EventAdmin(ReadOnlyBigTableAdmin):
    list_display = ("occurred_at", "type", "customer", "item", "quantity", "unit_price")
    list_display_links = None
    list_select_related = ("customer", "item")
    list_filter = ("type",)
    search_fields = ("customer",)
    search_help_text = _("The shop's id of a customer")
    ordering = ("-occurred_at", "-id")

    @admin.display(description=_("unit price"))
    def unit_price(self, event: Event) -> str:
        return "—" if event.price is None else f"{event.price} {event.currency}"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Event], search_term: str
    ) -> tuple[QuerySet[Event], bool]:
        customers = Customer.objects.filter(external_id=search_term.strip()).values_list("pk", flat=True)
        return queryset.filter(customer__in=list(customers)), False


@admin.register(Order)
class OrderAdmin(ReadOnlyBigTableAdmin):
    list_display = ("external_id", "customer", "placed_at", "status", "amount", "discount", "coupon_code")
    list_select_related = ("customer",)
    list_filter = ("status",)
    search_fields = ("=external_id",)
    search_help_text = _("The shop's id of an order")
    ordering = ("-placed_at",)

    @admin.display(description=_("total"), ordering="total")
    def amount(self, order: Order) -> str:
        return f"{order.total} {order.currency}"


@admin.register(QualityCount)
class QualityCountAdmin(ReadOnlyBigTableAdmin):
    list_display = ("day", "source", "reason", "rows")
    list_filter = ("source", "reason")
    ordering = ("-day", "-rows")
    search_fields: Any = ()
