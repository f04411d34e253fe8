"""Model versions with their figures, and what they recommend."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from catalog.big_tables import ReadOnlyBigTableAdmin
from catalog.models import Item
from recommendations.choices import ModelStage
from recommendations.models import ModelVersion, Recommendation
from recommendations.registry import reason
from users.models import Customer

_STAGE_COLOURS = {ModelStage.CHAMPION: "success", ModelStage.CANDIDATE: "info", ModelStage.RETIRED: "warning"}


@admin.register(ModelVersion)
class ModelVersionAdmin(ReadOnlyBigTableAdmin):
    list_display = (
        *(
            "__str__",
            "stage_label",
            "stale",
            "ndcg",
            "ndcg_interval",
            "hit_rate",
            "mrr",
            "coverage",
            "training_run",
            "created_at",
        ),
    )
    list_select_related = ("training_run",)
    list_filter = ("stage", "architecture")
    ordering = ("-id",)
    fields = (
        *("architecture", "stage", "stale_since", "why", "figures", "training_run", "artefact", "created_at"),
        "promoted_at",
    )

    @display(description=_("stage"), label=_STAGE_COLOURS, ordering="stage")
    def stage_label(self, version: ModelVersion) -> tuple[str, str]:
        return version.stage, version.get_stage_display()

    @display(description=_("state"), label={"stale": "warning"})
    def stale(self, version: ModelVersion) -> tuple[str, Any] | None:
        return ("stale", _("stale")) if version.stale_since else None

    @admin.display(description=_("why this stage"))
    def why(self, version: ModelVersion) -> str:
        return reason(version)

    @admin.display(description="NDCG@10")
    def ndcg(self, version: ModelVersion) -> str:
        return _figure(version, "ndcg@10")

    @admin.display(description=_("95% interval"))
    def ndcg_interval(self, version: ModelVersion) -> str:
        return interval(version.metrics) or "—"

    @admin.display(description="HR@10")
    def hit_rate(self, version: ModelVersion) -> str:
        return _figure(version, "hr@10")

    @admin.display(description="MRR@10")
    def mrr(self, version: ModelVersion) -> str:
        return _figure(version, "mrr@10")

    @admin.display(description=_("coverage@10"))
    def coverage(self, version: ModelVersion) -> str:
        return _figure(version, "coverage@10")

    @admin.display(description=_("metrics"))
    def figures(self, version: ModelVersion) -> str:
        """All of them side by side, in their order."""
        pairs = [(name, _figure(version, name)) for name in sorted(version.metrics)]
        cells = format_html_join("", "<p><span>{}</span><b>{}</b></p>", pairs)
        return format_html('<div class="ap-figures">{}</div>', cells)


def interval(metrics: dict[str, float]) -> str:
    """Between which bounds NDCG@10 would lie for other customers of the same kind; empty where it is not known."""
    low, high = metrics.get("ndcg@10 low"), metrics.get("ndcg@10 high")
    return "" if low is None or high is None else f"{low:.4f} – {high:.4f}"


def _figure(version: ModelVersion, name: str) -> str:
    value = version.metrics.get(name)
    return "—" if value is None else f"{value:.4f}"


@admin.register(Recommendation)
class RecommendationAdmin(ReadOnlyBigTableAdmin):
    list_display = ("customer", "first_item", "scored_at", "model_version")
    list_select_related = ("customer", "model_version")
    search_fields = ("customer",)
    search_help_text = _("The shop's id of a customer")
    ordering = ("customer_id",)
    fields = ("customer", "model_version", "scored_at", "items_with_reasons")
    readonly_fields = ("items_with_reasons",)

    @admin.display(description=_("items"))
    def first_item(self, row: Recommendation) -> str:
        count = len(row.item_ids)
        return ngettext("%(count)d item", "%(count)d items", count) % {"count": count}

    @admin.display(description=_("items"))
    def items_with_reasons(self, row: Recommendation) -> Any:
        names = Item.objects.in_bulk({*row.item_ids, *(reason for reason in row.reason_item_ids if reason)})
        return format_html_join(
            "",
            "<div>{}. {} <span class='ap-quiet'>{:.3f}{}</span></div>",
            (
                (
                    place,
                    names.get(item_id, item_id),
                    score,
                    gettext(" · because of %(item)s") % {"item": names.get(reason, reason)} if reason else "",
                )
                for place, (item_id, score, reason) in enumerate(
                    zip(row.item_ids, row.scores, row.reason_item_ids, strict=True), start=1
                )
            ),
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Recommendation], search_term: str
    ) -> tuple[QuerySet[Recommendation], bool]:
        if not search_term.strip():
            return queryset, False
        customers = Customer.objects.filter(external_id=search_term.strip()).values_list("pk", flat=True)
        return queryset.filter(customer__in=list(customers)), False
