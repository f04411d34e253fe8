"""Campaigns: composed here, launched after a look at who gets what, read in a report."""

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display

from notifications.admin.campaign_form import CampaignForm
from notifications.admin.content_page import content_view, editor_context, gallery_view
from notifications.admin.glance import glance_view
from notifications.admin.history_page import history_lines
from notifications.admin.labels import CAMPAIGN_COLOURS, RUN_COLOURS
from notifications.admin.launch_page import readiness_context
from notifications.admin.moves import MOVES, move_view, possible_moves
from notifications.admin.preview_page import preview_view
from notifications.admin.report_page import report_context
from notifications.admin.stages import stages_of
from notifications.admin.triggers import when_panel_view, when_view
from notifications.admin.variants import VariantInline
from notifications.campaigns.history import note_change
from notifications.campaigns.review import ApprovalRefusedError, approve_part, settle_review
from notifications.choices import (
    EDITABLE_CAMPAIGN_STATUSES,
    OPEN_RUN_STATUSES,
    CampaignPart,
    CampaignStatus,
    ChangeKind,
)
from notifications.models import Campaign, Run
from notifications.reports import campaign_report
from notifications.reports.progress import run_progress
from notifications.reports.table import report_csv

EDITABLE_AFTER_LAUNCH = ("name", "attribution_days")
SHOWN_RUNS = 10


@admin.register(Campaign)
class CampaignAdmin(ModelAdmin):
    list_before_template = "notifications/admin/list_intro.html"
    empty_text = _(
        "A campaign says who gets what and when. Start one with “+”; a template of the gallery is in it already."
    )
    list_display = ("name", "status_label", "segment", "offer", "hold_out", "scheduled_at", "updated_at", "report_link")
    list_select_related = ("segment", "offer")
    list_filter = ("status", "channel", "is_simulated")
    search_fields = ("name",)
    ordering = ("-updated_at",)
    inlines = (VariantInline,)
    form = CampaignForm
    warn_unsaved_form = True
    compressed_fields = False
    change_form_before_template = "notifications/admin/campaign_summary.html"
    fieldsets = (
        (None, {"fields": ("name",)}),
        (_("Who and what"), {"fields": (("segment", "offer"), ("channel", "item_count", "item_choice"))}),
        (_("When and how it is measured"), {"fields": (("scheduled_at", "hold_out_percent"),)}),
        (
            _("More"),
            {"fields": (("tags", "useful_hours"), ("attribution_days", "is_simulated")), "classes": ["collapse"]},
        ),
    )

    class Media:
        css = {"all": ("notifications/campaigns.css",)}
        js = (
            "notifications/variant_fields.js",
            forms.Script("notifications/variant_editor.js", type="module"),
            forms.Script("notifications/field_notes.js", type="module"),
        )

    @display(description=_("status"), label=CAMPAIGN_COLOURS, ordering="status")
    def status_label(self, campaign: Campaign) -> tuple[str, str]:
        return campaign.status, campaign.get_status_display()

    @admin.display(description=_("hold-out"), ordering="hold_out_percent")
    def hold_out(self, campaign: Campaign) -> str:
        return f"{campaign.hold_out_percent.normalize():f}%"

    @admin.display(description="")
    def report_link(self, campaign: Campaign) -> SafeString | str:
        if campaign.status in (*EDITABLE_CAMPAIGN_STATUSES, CampaignStatus.SCHEDULED):
            return ""
        return format_html(
            '<a class="ap-link" href="{}">{}</a>',
            reverse("admin:notifications_campaign_report", args=[campaign.pk]),
            _("Report"),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        if obj is None or getattr(obj, "status", None) in EDITABLE_CAMPAIGN_STATUSES:
            return self.readonly_fields
        fields = [field for row in self.fieldsets for field in _flat(row[1]["fields"])]
        return [field for field in fields if field not in EDITABLE_AFTER_LAUNCH]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed: bool = super().has_delete_permission(request, obj)
        return allowed and (obj is None or obj.status == CampaignStatus.DRAFT)

    def response_add(self, request: HttpRequest, obj: Campaign, post_url_continue: str | None = None) -> HttpResponse:
        """To its own page: what comes next starts there."""
        return super().response_add(_staying(request), obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: Campaign) -> HttpResponse:
        """Its checks and its audience show what the change did."""
        return super().response_change(_staying(request), obj)

    def save_model(self, request: HttpRequest, obj: Campaign, form: ModelForm, change: bool) -> None:
        """Only what the form changed: the status may have moved since the page was opened."""
        if not change:
            obj.created_by = request.user  # type: ignore[assignment]
            obj.save()
        elif form.changed_data:
            obj.save(update_fields=[*form.changed_data, "updated_at"])

    def save_related(self, request: HttpRequest, form: ModelForm, formsets: Any, change: bool) -> None:
        """Then the history has all of it in one line, the variants too."""
        super().save_related(request, form, formsets, change)
        user: Any = request.user
        note_change(campaign=form.instance, kind=ChangeKind.EDITED if change else ChangeKind.CREATED, user=user)
        settle_review(campaign=form.instance)

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                f"<int:object_id>/{name}/",
                self.admin_site.admin_view(partial(move_view, self, name=name)),
                name=f"notifications_campaign_{name}",
            )
            for name in MOVES
        ]
        report = path(
            "<int:object_id>/report/",
            self.admin_site.admin_view(self.report_view),
            name="notifications_campaign_report",
        )
        table = path(
            "<int:object_id>/report.csv",
            self.admin_site.admin_view(self.report_csv_view),
            name="notifications_campaign_report_csv",
        )
        parts = [
            path(
                f"<int:object_id>/{name}/",
                self.admin_site.admin_view(view),
                name=f"notifications_campaign_{name}",
            )
            for name, view in (
                ("readiness", self.readiness_view),
                ("verdict", self.verdict_view),
                ("approve", self.approve_view),
                ("preview", self.preview_view),
                ("when", partial(when_view, self)),
                ("when_panel", partial(when_panel_view, self)),
            )
        ]
        editor = [
            path(
                f"{name}/",
                self.admin_site.admin_view(partial(view, self)),
                name=f"notifications_campaign_{name}",
            )
            for name, view in (("gallery", gallery_view), ("content", content_view), ("glance", glance_view))
        ]
        return [*own, *editor, *parts, report, table, *super().get_urls()]

    def readiness_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Checks, audience and approvals, loaded by the campaign's page: counting takes a moment."""
        campaign = self._campaign(request, object_id)
        context = readiness_context(campaign, request.user)
        return TemplateResponse(request, "notifications/admin/readiness.html", context)

    def preview_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """It as some customer would get it."""
        return preview_view(self, request, self._campaign(request, object_id))

    def approve_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Approve one part; its service knows who may."""
        campaign = self._campaign(request, object_id)
        user: Any = request.user
        if request.method == "POST" and request.POST.get("part") in CampaignPart.values:
            part = CampaignPart(request.POST["part"])
            try:
                approve_part(campaign=campaign, part=part, user=user)
                messages.success(request, _("Approved: %(part)s.") % {"part": part.label})
            except ApprovalRefusedError as error:
                messages.error(request, str(error))
        return redirect("admin:notifications_campaign_change", object_id)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Who changed what: our own history instead of the admin's log, which does not know values or moves."""
        campaign = self._campaign(request, int(object_id) if object_id.isdecimal() else 0)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": str(campaign),
            "campaign": campaign,
            "lines": history_lines(campaign),
        }
        return TemplateResponse(request, "notifications/admin/history.html", context)

    def _campaign(self, request: HttpRequest, object_id: int) -> Campaign:
        campaign = get_object_or_404(Campaign.objects.select_related("offer", "segment"), pk=object_id)
        if not self.has_view_permission(request, campaign):
            raise PermissionDenied
        return campaign

    def report_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """The report, for everyone who may look at campaigns."""
        campaign = self._campaign(request, object_id)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": str(campaign),
            **report_context(campaign),
        }
        return TemplateResponse(request, "notifications/admin/report.html", context)

    def verdict_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """The report in a sentence, loaded by the overview."""
        context = report_context(self._campaign(request, object_id))
        return TemplateResponse(request, "notifications/admin/verdict.html", context)

    def report_csv_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """The report's table, as a file."""
        campaign = self._campaign(request, object_id)
        name = f"campaign-{campaign.pk}.csv"
        return HttpResponse(
            report_csv(campaign_report(campaign)),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        context = {"editor": editor_context(), "show_save_and_add_another": False, "show_save_and_continue": False}
        return super().changeform_view(request, object_id, form_url, {**context, **(extra_context or {})})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        campaign = self.get_object(request, object_id)
        context = {**(extra_context or {}), **(_summary_context(campaign, request.user) if campaign else {})}
        return super().change_view(request, object_id, form_url, context)


def _staying(request: HttpRequest) -> HttpRequest:
    """The request as if “Save and continue editing” had been pressed, unless it came from a pop-up."""
    if "_popup" not in request.POST:
        posted = request.POST.copy()
        posted["_continue"] = "1"
        request.POST = posted  # type: ignore[assignment]
    return request


def _summary_context(campaign: Campaign, user: Any) -> dict[str, Any]:
    """What the page shows above the fields."""
    runs = list(Run.objects.filter(campaign=campaign).order_by("-scheduled_at")[:SHOWN_RUNS])
    return {
        "campaign": campaign,
        "stages": stages_of(campaign),
        "moves": possible_moves(campaign, user),
        "is_editable": campaign.status in EDITABLE_CAMPAIGN_STATUSES,
        "runs": [(run, RUN_COLOURS.get(run.status, ""), run_progress(run)) for run in runs],
        "is_live": campaign.status in (CampaignStatus.SCHEDULED, CampaignStatus.RUNNING)
        and any(run.status in OPEN_RUN_STATUSES and run.scheduled_at <= timezone.now() for run in runs),
        "has_report": bool(runs) and campaign.status not in (*EDITABLE_CAMPAIGN_STATUSES, CampaignStatus.SCHEDULED),
        "status_colour": CAMPAIGN_COLOURS.get(campaign.status, ""),
    }


def _flat(fields: Any) -> list[str]:
    return [name for field in fields for name in (field if isinstance(field, tuple) else (field,))]
