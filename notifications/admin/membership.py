"""Tiers and rules of points, and the ledger."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display

from catalog.big_tables import ReadOnlyBigTableAdmin
from notifications.choices import PointsKind, TierBasis
from notifications.models import PointsEntry, PointsRule, Tier
from notifications.offers.money import format_money
from users.models import Customer

KIND_COLOURS = {
    PointsKind.EARNED: "success",
    PointsKind.SPENT: "info",
    PointsKind.EXPIRED: "warning",
    PointsKind.REVERSED: "danger",
    PointsKind.ADJUSTED: "",
}


@admin.register(Tier)
class TierAdmin(ModelAdmin):
    list_before_template = "notifications/admin/list_intro.html"
    empty_text = _(
        "Tiers, such as Silver and Gold, are reached by points or money spent. Add the lowest first, with “+”."
    )
    list_display = ("name", "rank", "condition", "factor", "members")
    search_fields = ("name",)
    ordering = ("-rank",)
    fields = (("name", "rank"), ("basis", "threshold", "window_days"), "multiplier", "benefits")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tier]:
        return super().get_queryset(request).annotate(member_count=Count("accounts"))

    @admin.display(description=_("reached by"))
    def condition(self, tier: Tier) -> str:
        amount: Any = int(tier.threshold)
        if tier.basis == TierBasis.SPEND:
            amount = format_money(tier.threshold, settings.SHOP_CURRENCY, get_language() or "")
        words = {"basis": tier.get_basis_display(), "amount": amount, "days": tier.window_days}
        if tier.window_days is None:
            return gettext("%(basis)s: %(amount)s") % words
        return gettext("%(basis)s: %(amount)s within %(days)d days") % words

    @admin.display(description=_("points multiplied by"), ordering="multiplier")
    def factor(self, tier: Tier) -> str:
        return f"{tier.multiplier.normalize():f}"

    @admin.display(description=_("members"), ordering="member_count")
    def members(self, tier: Tier) -> str:
        count: int = tier.member_count  # type: ignore[attr-defined]
        return f"{count:,}"


@admin.register(PointsRule)
class PointsRuleAdmin(ModelAdmin):
    list_before_template = "notifications/admin/list_intro.html"
    empty_text = _("Without a rule nobody earns points. Add one with “+”, such as one point for each unit of money.")
    list_display = ("name", "cause", "points", "daily_limit", "starts_at", "is_active")
    list_filter = ("is_active",)
    search_fields = ("name",)
    ordering = ("name",)
    fields = ("name", ("event_type", "points", "daily_limit"), ("starts_at", "is_active"))

    @admin.display(description=_("for"))
    def cause(self, rule: PointsRule) -> str:
        return gettext("orders") if rule.event_type is None else rule.get_event_type_display()


@admin.register(PointsEntry)
class PointsEntryAdmin(ReadOnlyBigTableAdmin):
    list_before_template = "notifications/admin/list_intro.html"
    empty_text = _("Nobody has earned or spent points yet. Points rules say what earns them.")
    list_display = ("at", "customer", "kind_label", "moved", "note", "expires_at")
    list_select_related = ("customer",)
    list_filter = ("kind",)
    search_fields = ("customer__external_id",)
    search_help_text = _("The customer's whole id in the shop")
    ordering = ("-id",)

    @admin.display(description=_("points"))
    def moved(self, entry: PointsEntry) -> str:
        return f"{entry.points:+,}".replace("-", "−")

    @display(description=_("kind"), label=KIND_COLOURS, ordering="kind")
    def kind_label(self, entry: PointsEntry) -> tuple[str, str]:
        return entry.kind, entry.get_kind_display()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[PointsEntry], search_term: str
    ) -> tuple[QuerySet[PointsEntry], bool]:
        if search_term.strip():
            queryset = queryset.filter(customer__in=Customer.objects.filter(external_id=search_term.strip()))
        return queryset, False
