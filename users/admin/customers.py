"""A customer: who it is, what it did, what it agreed to, and who looked at it."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from catalog.big_tables import BigTableAdmin, ReadOnlyBigTableAdmin
from users.admin import customer_page
from users.choices import AccessAction, LifecycleStage
from users.encryption import EncryptedTextField, lookup_hash
from users.models import Customer, CustomerAccess, RetentionRecord
from users.privacy.access import Actor, record_access

LIFECYCLE_COLOURS = {
    LifecycleStage.NEW: "info",
    LifecycleStage.ACTIVE: "success",
    LifecycleStage.LOYAL: "success",
    LifecycleStage.AT_RISK: "warning",
    LifecycleStage.LAPSED: "danger",
}


@admin.register(Customer)
class CustomerAdmin(BigTableAdmin):
    list_display = ("shop_id", "lifecycle", "country", "order_count", "revenue", "last_order_at")
    list_select_related = ("profile",)
    list_filter = ("country",)
    search_fields = ("external_id",)
    search_help_text = _("Beginning of the shop's id, or a whole e-mail address")
    ordering = ("id",)
    readonly_fields = ("external_id", "anonymous_id", "erased_at", "created_at", "updated_at")
    formfield_overrides = {EncryptedTextField: {"widget": UnfoldAdminTextInputWidget}}
    change_form_outer_before_template = "users/customer_page.html"
    _record = (
        _("Record"),
        {
            "fields": (("external_id", "anonymous_id"), ("created_at", "updated_at", "erased_at")),
            "classes": ("collapse",),
        },
    )
    masked_fieldsets = ((_("About"), {"fields": (("language", "country", "time_zone"),)}), _record)
    fieldsets = (
        (None, {"fields": (("first_name", "last_name"), ("email", "phone"))}),
        (_("About"), {"fields": (("language", "country", "time_zone"), "birth_date", "attributes")}),
        _record,
    )

    @admin.display(description=_("customer"), ordering="external_id")
    def shop_id(self, customer: Customer) -> str:
        return str(customer)

    @display(description=_("stage"), label=LIFECYCLE_COLOURS)
    def lifecycle(self, customer: Customer) -> tuple[str, str] | None:
        profile = getattr(customer, "profile", None)
        return (profile.lifecycle, profile.get_lifecycle_display()) if profile and profile.lifecycle else None

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

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What is masked cannot be edited."""
        allowed: bool = super().has_change_permission(request, obj)
        return allowed and (obj is None or customer_page.is_shown(request, obj))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        masked = obj is not None and not customer_page.is_shown(request, obj)
        return self.masked_fieldsets if masked else self.fieldsets

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Customer], search_term: str
    ) -> tuple[QuerySet[Customer], bool]:
        term = search_term.strip()
        if "@" in term:
            return queryset.filter(email_hash=lookup_hash(term)), False
        return queryset.filter(external_id__startswith=term), False

    def get_urls(self) -> list[URLPattern]:
        pages = [
            path(
                f"<int:object_id>/{name}/",
                self.admin_site.admin_view(getattr(customer_page, f"{name}_view")),
                {"model_admin": self},
                name=f"users_customer_{name}",
            )
            for name in ("timeline", "show", "consent", "export", "erase")
        ]
        return [*pages, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        customer = self.get_object(request, object_id)
        context = {**(extra_context or {}), "title": "", "subtitle": ""}
        if customer is not None and self.has_view_permission(request, customer):
            if request.method == "GET":
                record_access(
                    customer_id=customer.pk,
                    action=AccessAction.VIEWED,
                    actor=Actor.staff(request.user),
                    page="admin:users_customer_change",
                )
            context |= customer_page.page_context(request, customer)
        return super().change_view(request, object_id, form_url, context)

    def save_model(self, request: HttpRequest, obj: Customer, form: ModelForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        record_access(
            customer_id=obj.pk,
            action=AccessAction.CHANGED,
            actor=Actor.staff(request.user),
            page="admin:users_customer_change",
            fields=form.changed_data,
        )


@admin.register(CustomerAccess)
class CustomerAccessAdmin(ReadOnlyBigTableAdmin):
    list_display = ("at", "action", "customer", "actor_kind", "actor", "page", "detail")
    list_display_links = None
    list_select_related = ("customer",)
    list_filter = ("action", "actor_kind")
    search_fields = ("customer",)
    search_help_text = _("The shop's id of a customer")
    ordering = ("-id",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[CustomerAccess], search_term: str
    ) -> tuple[QuerySet[CustomerAccess], bool]:
        customers = Customer.objects.filter(external_id=search_term.strip()).values_list("pk", flat=True)
        return (queryset.filter(customer__in=list(customers)) if search_term.strip() else queryset), False


@admin.register(RetentionRecord)
class RetentionRecordAdmin(ReadOnlyBigTableAdmin):
    list_display = ("at", "rule", "kept_from", "removed")
    list_display_links = None
    list_filter = ("rule",)
    ordering = ("-id",)
