"""Coupons and what became of them: facts, to be found and looked at."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import display

from catalog.big_tables import ReadOnlyBigTableAdmin
from notifications.choices import CouponStatus, RedemptionState
from notifications.models import Coupon, Redemption
from notifications.offers.cancel import cancel_coupons
from notifications.offers.codes import code_prefix
from notifications.offers.money import format_money
from users.models import Customer

COUPON_COLOURS = {CouponStatus.ISSUED: "info", CouponStatus.REDEEMED: "success", CouponStatus.CANCELLED: "danger"}
REDEMPTION_COLOURS = {
    RedemptionState.RESERVED: "info",
    RedemptionState.COMMITTED: "success",
    RedemptionState.RELEASED: "warning",
}


class RedemptionInline(TabularInline):
    model = Redemption
    extra = 0
    hide_title = True
    can_delete = False
    fields = readonly_fields = ("order_external_id", "state", "amount", "order_total", "currency", "reserved_at")
    ordering = ("-id",)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Coupon)
class CouponAdmin(ReadOnlyBigTableAdmin):
    list_before_template = "notifications/admin/list_intro.html"
    empty_text = _("Coupons are issued when a campaign with an offer is sent, or by the API.")
    list_display = ("code", "customer", "offer", "status_label", "used", "valid_until", "issued_at")
    list_select_related = ("customer", "offer")
    list_filter = ("status", "offer")
    search_fields = ("code",)
    search_help_text = _("The code or its beginning, or the customer's whole id in the shop")
    ordering = ("-id",)
    actions = ("cancel",)
    inlines = (RedemptionInline,)
    fields = (
        ("code", "status"),
        ("offer", "customer", "run"),
        ("valid_from", "valid_until", "issued_at"),
        ("uses", "max_uses"),
    )

    @display(description=_("status"), label=COUPON_COLOURS, ordering="status")
    def status_label(self, coupon: Coupon) -> tuple[str, str]:
        return coupon.status, coupon.get_status_display()

    @admin.display(description=_("uses"))
    def used(self, coupon: Coupon) -> str:
        return f"{coupon.uses} / {coupon.max_uses}"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Coupon], search_term: str
    ) -> tuple[QuerySet[Coupon], bool]:
        return (queryset.filter(_coupon_search(search_term)) if search_term.strip() else queryset), False

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("notifications.change_coupon"))

    @admin.action(description=_("Cancel the selected coupons"), permissions=["cancel"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Coupon]) -> None:
        cancelled = cancel_coupons(coupon_ids=queryset.values_list("pk", flat=True))
        text = ngettext("%(n)d coupon was cancelled.", "%(n)d coupons were cancelled.", cancelled) % {"n": cancelled}
        self.message_user(request, text, messages.SUCCESS if cancelled else messages.WARNING)


@admin.register(Redemption)
class RedemptionAdmin(ReadOnlyBigTableAdmin):
    list_display = (
        *("order_external_id", "code", "offer", "state_label", "discount", "total", "returned_label", "reserved_at"),
        "committed_at",
    )
    list_select_related = ("coupon__offer",)
    list_filter = ("state", "coupon__offer")
    search_fields = ("coupon__code",)
    search_help_text = _("The coupon's code or its beginning, or the customer's whole id in the shop")
    ordering = ("-id",)
    fields = (
        ("coupon", "order_external_id", "state"),
        ("amount", "order_total", "currency"),
        ("shipping_discount", "cost", "returned"),
        ("points", "gifts"),
        "lines",
        ("reserved_at", "expires_at"),
        ("committed_at", "released_at"),
    )

    @admin.display(description=_("coupon"))
    def code(self, redemption: Redemption) -> str:
        return redemption.coupon.code

    @admin.display(description=_("offer"), ordering="coupon__offer")
    def offer(self, redemption: Redemption) -> str:
        return redemption.coupon.offer.name

    @admin.display(description=_("taken back"))
    def returned_label(self, redemption: Redemption) -> str:
        return (
            format_money(redemption.returned, redemption.currency, get_language() or "") if redemption.returned else "—"
        )

    @display(description=_("state"), label=REDEMPTION_COLOURS, ordering="state")
    def state_label(self, redemption: Redemption) -> tuple[str, str]:
        return redemption.state, redemption.get_state_display()

    @admin.display(description=_("discount"))
    def discount(self, redemption: Redemption) -> str:
        return format_money(redemption.amount, redemption.currency, get_language() or "")

    @admin.display(description=_("order before it"))
    def total(self, redemption: Redemption) -> str:
        return format_money(redemption.order_total, redemption.currency, get_language() or "")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Redemption], search_term: str
    ) -> tuple[QuerySet[Redemption], bool]:
        if not search_term.strip():
            return queryset, False
        coupons = Coupon.objects.filter(_coupon_search(search_term))
        return queryset.filter(coupon__in=coupons), False


def _coupon_search(term: str) -> Q:
    """Both halves are answered by an index, also together."""
    found = Q(customer__in=Customer.objects.filter(external_id=term.strip()))
    prefix = code_prefix(term)
    return found | Q(code__startswith=prefix) if prefix else found
