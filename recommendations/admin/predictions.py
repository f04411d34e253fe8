"""What is foretold of every customer."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from catalog.big_tables import ReadOnlyBigTableAdmin
from recommendations.models import Prediction
from users.models import Customer


@admin.register(Prediction)
class PredictionAdmin(ReadOnlyBigTableAdmin):
    list_display = ("customer", "visit", "cart_share", "purchase_share", "leaving", "worth", "computed_at")
    list_select_related = ("customer",)
    search_fields = ("customer",)
    search_help_text = _("The shop's id of a customer")
    ordering = ("customer_id",)
    fields = ("customer", *list_display[1:], "model_version")
    readonly_fields = ("visit", "cart_share", "purchase_share", "leaving", "worth")

    @admin.display(description=_("visit within 30 days"))
    def visit(self, row: Prediction) -> str:
        return _percent(row.click)

    @admin.display(description=_("cart within 30 days"))
    def cart_share(self, row: Prediction) -> str:
        return _percent(row.cart)

    @admin.display(description=_("purchase within 30 days"))
    def purchase_share(self, row: Prediction) -> str:
        return _percent(row.purchase)

    @admin.display(description=_("silent for 90 days"))
    def leaving(self, row: Prediction) -> str:
        return _percent(row.churn)

    @admin.display(description=_("expected value"))
    def worth(self, row: Prediction) -> str:
        return "—" if row.expected_value is None else f"{row.expected_value} {row.currency}"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Prediction], search_term: str
    ) -> tuple[QuerySet[Prediction], bool]:
        if not search_term.strip():
            return queryset, False
        customers = Customer.objects.filter(external_id=search_term.strip()).values_list("pk", flat=True)
        return queryset.filter(customer__in=list(customers)), False


def _percent(probability: float | None) -> Any:
    return "—" if probability is None else f"{probability:.1%}"
