"""A customer: who it is, what it did, what it agreed to."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.widgets import UnfoldAdminTextInputWidget

from catalog.big_tables import BigTableAdmin
from users.encryption import EncryptedTextField, lookup_hash
from users.models import Consent, Customer, Event, Order, Profile

SHOWN_EVENTS = 12
SHOWN_ORDERS = 10


class ConsentInline(TabularInline):
    model = Consent
    extra = 0
    hide_title = True
    can_delete = False
    fields = readonly_fields = ("channel", "purpose", "granted", "source", "recorded_at")
    ordering = ("-recorded_at", "-id")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Customer)
class CustomerAdmin(BigTableAdmin):
    list_display = ("shop_id", "country", "order_count", "revenue", "last_order_at")
    list_select_related = ("profile",)
    list_filter = ("country",)
    search_fields = ("external_id",)
    search_help_text = _("Beginning of the shop's id, or a whole e-mail address")
    ordering = ("id",)
    readonly_fields = ("external_id", "anonymous_id", "erased_at", "created_at", "updated_at")
    inlines = (ConsentInline,)
    formfield_overrides = {EncryptedTextField: {"widget": UnfoldAdminTextInputWidget}}
    change_form_before_template = "users/customer_summary.html"
    fieldsets = (
        (None, {"fields": (("external_id", "anonymous_id"), ("first_name", "last_name"), ("email", "phone"))}),
        (_("About"), {"fields": (("language", "country", "time_zone"), "birth_date", "attributes")}),
        (_("Record"), {"fields": (("created_at", "updated_at", "erased_at"),), "classes": ("collapse",)}),
    )

    @admin.display(description=_("customer"), ordering="external_id")
    def shop_id(self, customer: Customer) -> str:
        return str(customer)

    @admin.display(description=_("orders"))
    def order_count(self, customer: Customer) -> int | str:
        profile = getattr(customer, "profile", None)
        return profile.order_count if profile else "—"

    @admin.display(description=_("revenue"))
    def revenue(self, customer: Customer) -> Any:
        profile = getattr(customer, "profile", None)
        return profile.revenue if profile else "—"

    @admin.display(description=_("last order"))
    def last_order_at(self, customer: Customer) -> Any:
        profile = getattr(customer, "profile", None)
        return (profile.last_order_at if profile else None) or "—"

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Customer], search_term: str
    ) -> tuple[QuerySet[Customer], bool]:
        term = search_term.strip()
        if "@" in term:
            return queryset.filter(email_hash=lookup_hash(term)), False
        return queryset.filter(external_id__startswith=term), False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        customer_id = int(object_id) if object_id.isdecimal() else None
        context = {
            **(extra_context or {}),
            "profile": Profile.objects.filter(pk=customer_id).first(),
            "events": Event.objects.filter(customer=customer_id)
            .select_related("item")
            .order_by("-occurred_at", "-id")[:SHOWN_EVENTS],
            "orders": Order.objects.filter(customer=customer_id).order_by("-placed_at")[:SHOWN_ORDERS],
        }
        return super().change_view(request, object_id, form_url, context)
