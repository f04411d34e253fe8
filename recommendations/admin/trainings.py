"""Trainings: start one, watch it, read its verdict."""

import json
from typing import Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget

from catalog.big_tables import ReadOnlyBigTableAdmin
from catalog.charts import chart_options
from recommendations.admin.models import interval
from recommendations.choices import Architecture, TrainingStatus
from recommendations.ml.precision import BFLOAT16, FLOAT32, INT8
from recommendations.models import ModelVersion, TrainingRun
from recommendations.registry import verdict
from recommendations.tasks import train_model
from recommendations.training import DEFAULT_CONFIG, cancel_training, start_training

_STATUS_COLOURS = {
    TrainingStatus.SUCCEEDED: "success",
    TrainingStatus.RUNNING: "info",
    TrainingStatus.QUEUED: "info",
    TrainingStatus.FAILED: "danger",
    TrainingStatus.CANCELLED: "warning",
}
_OPEN = (TrainingStatus.QUEUED, TrainingStatus.RUNNING)
_SLICES = {
    "new": _("new customers"),
    "light": _("light customers"),
    "heavy": _("heavy customers"),
    "cold": _("cold items"),
    "tail": _("tail items"),
    "head": _("head items"),
}
_SHOWN_METRICS = ("ndcg@10", "hr@10", "mrr@10", "recall@50", "coverage@10")


class StartTrainingForm(forms.ModelForm):
    architecture = forms.ChoiceField(
        label=_("architecture"),
        choices=Architecture.choices,
        initial=Architecture.TRANSFORMER,
        widget=UnfoldAdminSelectWidget,
        help_text=_("It is judged against popularity, item neighbours and the champion on the same held-out orders."),
    )
    time_budget = forms.IntegerField(
        label=_("time budget, seconds"),
        min_value=10,
        max_value=24 * 3600,
        initial=DEFAULT_CONFIG["time_budget"],
        widget=UnfoldAdminIntegerFieldWidget,
    )
    seed = forms.IntegerField(
        label=_("seed"), min_value=0, initial=DEFAULT_CONFIG["seed"], widget=UnfoldAdminIntegerFieldWidget
    )
    precision = forms.ChoiceField(
        label=_("stored numbers"),
        choices=[
            (FLOAT32, _("whole (float32)")),
            (BFLOAT16, _("half the bits (bfloat16)")),
            (INT8, _("a quarter of the bits (int8)")),
        ],
        initial=DEFAULT_CONFIG["precision"],
        widget=UnfoldAdminSelectWidget,
        help_text=_("Fewer bits make smaller files; the figures say what it costs."),
    )

    class Meta:
        model = TrainingRun
        fields = ("architecture",)


@admin.register(TrainingRun)
class TrainingRunAdmin(ReadOnlyBigTableAdmin):
    list_display = ("__str__", "status_label", "percent", "activity", "ndcg", "started_at", "finished_at")
    list_filter = ("status", "architecture")
    ordering = ("-id",)
    actions = ("cancel",)
    change_form_before_template = "recommendations/training.html"
    fieldsets = (
        (None, {"fields": (("created_at", "started_at"), ("finished_at", "heartbeat_at"))}),
        (_("Configuration"), {"fields": ("config",), "classes": ("collapse",)}),
    )

    @display(description=_("status"), label=_STATUS_COLOURS, ordering="status")
    def status_label(self, run: TrainingRun) -> tuple[str, str]:
        return run.status, run.get_status_display()

    @admin.display(description=_("progress"), ordering="progress")
    def percent(self, run: TrainingRun) -> str:
        return f"{run.progress:.0%}"

    @admin.display(description="NDCG@10")
    def ndcg(self, run: TrainingRun) -> str:
        value = run.metrics.get(run.architecture, {}).get("ndcg@10")
        return "—" if value is None else f"{value:.4f}"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("recommendations.add_trainingrun"))

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is None:
            kwargs["form"] = StartTrainingForm
        return super().get_form(request, obj, change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fieldsets if obj else [(None, {"fields": ("architecture", "time_budget", "seed", "precision")})]

    def save_model(self, request: HttpRequest, obj: TrainingRun, form: ModelForm, change: bool) -> None:
        config = {key: form.cleaned_data[key] for key in ("time_budget", "seed", "precision")}
        run = start_training(architecture=form.cleaned_data["architecture"], config=config)
        obj.pk = run.pk
        transaction.on_commit(lambda: train_model.delay(run.pk, then_score=True))

    @admin.action(description=_("Cancel the selected trainings"))
    def cancel(self, request: HttpRequest, queryset: Any) -> None:
        cancelled = sum(cancel_training(training_run=run) for run in queryset)
        self.message_user(request, _("%(count)d trainings were cancelled.") % {"count": cancelled})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        run = TrainingRun.objects.filter(pk=object_id).first()
        context = {**(extra_context or {}), **(_training_context(run) if run else {})}
        return super().change_view(request, object_id, form_url, context)


def _training_context(run: TrainingRun) -> dict[str, Any]:
    """What the page shows above the fields: verdict, figures of every contender, curves."""
    ranked = sorted(run.metrics.items(), key=lambda pair: -pair[1].get("ndcg@10", 0))
    labels = dict(Architecture.choices)
    fits = [row for row in run.history if row.get("stage") == "fit" and row["architecture"] == run.architecture]
    champion = ModelVersion.objects.filter(training_run=run, promoted_at__isnull=False).first()
    return {
        "run": run,
        "verdict": verdict(run),
        "is_open": run.status in _OPEN,
        "percent": round(100 * run.progress),
        "metric_names": _SHOWN_METRICS,
        "contenders": [
            {
                "name": labels.get(name, name),
                "champion": champion is not None and champion.architecture == name,
                "figures": [figures.get(metric) for metric in _SHOWN_METRICS],
                "share": 100 * figures.get("ndcg@10", 0) / max(ranked[0][1].get("ndcg@10", 0), 1e-9),
                "interval": interval(figures),
            }
            for name, figures in ranked
        ],
        "slices_chart": _slices_chart({labels.get(name, name): figures for name, figures in ranked}),
        "chart_options": chart_options(legend=True),
        "loss_chart": _line_chart(fits, "loss", str(_("Training loss"))),
        "ndcg_chart": _line_chart(fits, "ndcg@10", str(_("Validation NDCG@10"))),
    }


def _slices_chart(contenders: dict[str, dict[str, float]]) -> str:
    """The data of a bar chart of NDCG@10 by slice, one colour a contender, as JSON; empty without slices."""
    names = [name for name in _SLICES if any(f"ndcg@10 {name}" in figures for figures in contenders.values())]
    if not names:
        return ""
    datasets = [
        {
            "label": str(label),
            "data": [figures.get(f"ndcg@10 {name}") for name in names],
            "backgroundColor": f"var(--color-primary-{700 - 200 * (place % 3)})",
        }
        for place, (label, figures) in enumerate(contenders.items())
    ]
    return json.dumps({"labels": [str(_SLICES[name]) for name in names], "datasets": datasets})


def _line_chart(epochs: list[dict[str, Any]], key: str, label: str) -> str:
    """The data of a line chart over epochs, as JSON; empty when there is nothing to draw."""
    points = [(row["epoch"], row[key]) for row in epochs if row.get(key) is not None]
    if len(points) < 2:
        return ""
    series = {
        "label": label,
        "data": [value for _, value in points],
        "borderColor": "var(--color-primary-600)",
        "displayYAxis": True,
    }
    return json.dumps({"labels": [epoch for epoch, _ in points], "datasets": [series]})
