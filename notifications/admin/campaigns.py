"""Campaigns: composed here, launched after a look at who gets what, read in a report."""

from functools import partial
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, StackedInline
from unfold.decorators import display

from notifications.admin.labels import CAMPAIGN_COLOURS, RUN_COLOURS
from notifications.admin.moves import MOVES, move_view, possible_moves
from notifications.admin.report_page import report_context
from notifications.choices import OPEN_RUN_STATUSES, CampaignStatus
from notifications.content.starter import starter_template
from notifications.delivery.sample import sample_mail, sample_notice
from notifications.models import Campaign, Run, Variant
from notifications.reports.progress import run_progress
from users.choices import Channel

EDITABLE_AFTER_LAUNCH = ("name", "attribution_days")
SHOWN_RUNS = 10


class VariantForm(ModelForm):
    """Asks for what the campaign's channel needs."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        self.instance.html, self.instance.body = cleaned.get("html", ""), cleaned.get("body", "")
        if name := self.instance.missing_part():
            self.add_error(name, _("This channel needs it."))
        return cleaned


class VariantInline(StackedInline):
    model = Variant
    form = VariantForm
    extra = 0
    min_num = 1
    readonly_fields = ("preview",)

    @admin.display(description=_("looks like"))
    def preview(self, variant: Variant) -> SafeString | str:
        """As last saved: the mail, shut off from the admin by a sandbox without scripts; or the notice."""
        if variant.pk is None:
            return "—"
        if not variant.is_mail:
            context = {**sample_notice(variant), "shop_name": settings.SHOP_NAME}
            return render_to_string("notifications/admin/notice_preview.html", context)
        return format_html('<iframe class="ap-mail" sandbox title="{}" srcdoc="{}"></iframe>', *sample_mail(variant))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        own: tuple[str, ...] = (
            "preview_text",
            "html",
            "body",
            "url",
        )  # `variant_fields.js` shows those of the chosen channel
        if not self._may_edit(request, obj):
            own = ("preview_text",) if obj.channel == Channel.EMAIL else ("body", "url")
        return (("name", "language", "weight"), "subject", *own, "preview")

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        formset = super().get_formset(request, obj, **kwargs)
        if html := formset.form.base_fields.get("html"):
            html.initial = starter_template(get_language() or "en")
        return formset

    def _may_edit(self, request: HttpRequest, obj: Any) -> bool:
        allowed: bool = super().has_change_permission(request, obj)
        return allowed and (obj is None or obj.status == CampaignStatus.DRAFT)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may_edit(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may_edit(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may_edit(request, obj)


@admin.register(Campaign)
class CampaignAdmin(ModelAdmin):
    list_display = ("name", "status_label", "segment", "offer", "hold_out", "scheduled_at", "updated_at", "report_link")
    list_select_related = ("segment", "offer")
    list_filter = ("status", "channel", "is_simulated")
    search_fields = ("name",)
    ordering = ("-updated_at",)
    inlines = (VariantInline,)
    warn_unsaved_form = True
    change_form_before_template = "notifications/admin/campaign_summary.html"
    fieldsets = (
        (None, {"fields": ("name", ("segment", "offer"), ("channel", "item_count", "item_choice"))}),
        (_("When"), {"fields": ("scheduled_at",)}),
        (_("Measuring"), {"fields": (("hold_out_percent", "attribution_days"), "is_simulated")}),
    )

    class Media:
        css = {"all": ("notifications/campaigns.css",)}
        js = ("notifications/variant_fields.js",)

    @display(description=_("status"), label=CAMPAIGN_COLOURS, ordering="status")
    def status_label(self, campaign: Campaign) -> tuple[str, str]:
        return campaign.status, campaign.get_status_display()

    @admin.display(description=_("hold-out"), ordering="hold_out_percent")
    def hold_out(self, campaign: Campaign) -> str:
        return f"{campaign.hold_out_percent.normalize():f}%"

    @admin.display(description="")
    def report_link(self, campaign: Campaign) -> SafeString | str:
        if campaign.status in (CampaignStatus.DRAFT, CampaignStatus.SCHEDULED):
            return ""
        return format_html(
            '<a class="ap-link" href="{}">{}</a>',
            reverse("admin:notifications_campaign_report", args=[campaign.pk]),
            _("Report"),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        if obj is None or getattr(obj, "status", None) == CampaignStatus.DRAFT:
            return self.readonly_fields
        fields = [field for row in self.fieldsets for field in _flat(row[1]["fields"])]
        return [field for field in fields if field not in EDITABLE_AFTER_LAUNCH]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed: bool = super().has_delete_permission(request, obj)
        return allowed and (obj is None or obj.status == CampaignStatus.DRAFT)

    def save_model(self, request: HttpRequest, obj: Campaign, form: ModelForm, change: bool) -> None:
        """Only what the form changed: the status may have moved since the page was opened."""
        if not change:
            obj.created_by = request.user  # type: ignore[assignment]
            obj.save()
        elif form.changed_data:
            obj.save(update_fields=[*form.changed_data, "updated_at"])

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
        return [*own, report, *super().get_urls()]

    def report_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """The report, for everyone who may look at campaigns."""
        campaign = get_object_or_404(Campaign.objects.select_related("offer", "segment"), pk=object_id)
        if not self.has_view_permission(request, campaign):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": str(campaign),
            **report_context(campaign),
        }
        return TemplateResponse(request, "notifications/admin/report.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        campaign = self.get_object(request, object_id)
        context = {**(extra_context or {}), **(_summary_context(campaign) if campaign else {})}
        return super().change_view(request, object_id, form_url, context)


def _summary_context(campaign: Campaign) -> dict[str, Any]:
    """What the page shows above the fields."""
    runs = list(Run.objects.filter(campaign=campaign).order_by("-scheduled_at")[:SHOWN_RUNS])
    return {
        "campaign": campaign,
        "moves": possible_moves(campaign),
        "runs": [(run, RUN_COLOURS.get(run.status, ""), run_progress(run)) for run in runs],
        "is_live": any(run.status in OPEN_RUN_STATUSES for run in runs) and campaign.status == CampaignStatus.RUNNING,
        "has_report": bool(runs) and campaign.status != CampaignStatus.SCHEDULED,
        "status_colour": CAMPAIGN_COLOURS.get(campaign.status, ""),
    }


def _flat(fields: Any) -> list[str]:
    return [name for field in fields for name in (field if isinstance(field, tuple) else (field,))]
