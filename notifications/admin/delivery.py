"""Runs, decisions, messages and suppressed addresses: looked at here, changed by the services only."""

from io import TextIOWrapper
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminFileFieldWidget

from catalog.big_tables import BigTableAdmin, ReadOnlyBigTableAdmin
from catalog.models import Item
from notifications.admin.labels import MESSAGE_COLOURS, RECIPIENT_COLOURS, RUN_COLOURS, error_label
from notifications.admin.moves import possible_moves
from notifications.choices import OPEN_RUN_STATUSES, MessageState
from notifications.delivery.resend import NotResendableError, resend_message
from notifications.listening.suppressions import export_suppressions, import_suppressions
from notifications.models import Message, Recipient, Run, Suppression
from notifications.reports.progress import run_progress
from users.encryption import lookup_hash

SHOWN_RUNS = 50


class RunFilter(admin.SimpleListFilter):
    """The latest runs; asking a big table which runs occur in it would read it whole."""

    title = _("run")
    parameter_name = "run__id__exact"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        runs = Run.objects.select_related("campaign").order_by("-scheduled_at")[:SHOWN_RUNS]
        return [(str(run.pk), str(run)) for run in runs]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value() or ""
        return queryset.filter(run=value) if value.isdecimal() else queryset


@admin.register(Run)
class RunAdmin(ReadOnlyBigTableAdmin):
    list_display = ("campaign", "scheduled_at", "status_label", "planned_at", "finished_at", "launched_by")
    list_select_related = ("campaign", "launched_by")
    list_filter = ("status",)
    search_fields = ("campaign__name",)
    ordering = ("-scheduled_at",)
    change_form_before_template = "notifications/admin/run_progress.html"

    class Media:
        css = {"all": ("notifications/campaigns.css",)}

    fields = (
        ("campaign", "launched_by"),
        ("scheduled_at", "started_at"),
        ("planned_at", "finished_at"),
        "error",
    )

    @display(description=_("status"), label=RUN_COLOURS, ordering="status")
    def status_label(self, run: Run) -> tuple[str, str]:
        return run.status, run.get_status_display()

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        run = self.get_object(request, object_id)
        context = {**(extra_context or {}), **(_run_context(run, request) if run else {})}
        return super().change_view(request, object_id, form_url, context)


def _run_context(run: Run, request: HttpRequest) -> dict[str, Any]:
    moves = possible_moves(run.campaign, request.user) if run.status in OPEN_RUN_STATUSES else []
    progress = run_progress(run)
    return {
        "run": run,
        "progress": progress,
        "troubles": [(error_label(kind), count) for kind, count in progress.errors.items()],
        "delayed": [(error_label(kind), count) for kind, count in progress.delayed.items()],
        "moves": [move for move in moves if move.name in ("pause", "resume", "stop")],
    }


@admin.register(Recipient)
class RecipientAdmin(ReadOnlyBigTableAdmin):
    """The decision log."""

    list_display = ("customer", "run", "decision_label", "suppression_text", "arm", "propensity_percent", "send_at")
    list_select_related = ("customer", "run__campaign")
    list_filter = ("status", "suppression", RunFilter)
    search_fields = ("customer__external_id",)
    search_help_text = _("The customer's whole id in the shop")
    ordering = ("-id",)
    fields = (
        ("customer", "run"),
        ("status", "suppression"),
        ("arm", "propensity"),
        ("variant", "offer", "coupon"),
        "recommended",
        ("send_at", "decided_at"),
    )
    readonly_fields = ("recommended",)

    @display(description=_("decision"), label=RECIPIENT_COLOURS)
    def decision_label(self, recipient: Recipient) -> tuple[str, str]:
        return recipient.status, recipient.get_status_display()

    @admin.display(description=_("because"))
    def suppression_text(self, recipient: Recipient) -> str:
        return recipient.get_suppression_display() or "—"

    @admin.display(description=_("propensity"))
    def propensity_percent(self, recipient: Recipient) -> str:
        return f"{recipient.propensity:.1%}"

    @admin.display(description=_("recommended"))
    def recommended(self, recipient: Recipient) -> SafeString | str:
        """The items with what each was recommended for, in two columns of one query."""
        reasons = recipient.reason_item_ids or [None] * len(recipient.item_ids)
        titles = Item.objects.in_bulk([each for each in (*recipient.item_ids, *reasons) if each])
        lines = [
            (titles[item], _("because of “%(item)s”") % {"item": titles[reason]} if reason in titles else "")
            for item, reason in zip(recipient.item_ids, reasons, strict=True)
            if item in titles
        ]
        return format_html_join("", '<div>{} <span class="ap-quiet">{}</span></div>', lines) or "—"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Recipient], search_term: str
    ) -> tuple[QuerySet[Recipient], bool]:
        return _by_customer(queryset, search_term), False


@admin.register(Message)
class MessageAdmin(ReadOnlyBigTableAdmin):
    list_display = ("subject_or_id", "customer", "campaign", "state_label", "due_at", "sent_at", "attempts", "problem")
    list_select_related = ("customer", "run__campaign")
    list_filter = ("state", "channel", RunFilter)
    search_fields = ("customer__external_id",)
    search_help_text = _("The customer's whole id in the shop")
    ordering = ("-id",)
    actions = ("resend",)
    fields = (
        ("customer", "run"),
        ("channel", "state"),
        ("subject", "provider_id"),
        ("due_at", "sent_at"),
        ("first_opened_at", "machine_opened_at", "first_clicked_at"),
        ("attempts", "problem"),
        "error",
    )
    readonly_fields = ("problem",)

    @admin.display(description=_("message"))
    def subject_or_id(self, message: Message) -> str:
        return message.subject or f"#{message.pk}"

    @admin.display(description=_("campaign"))
    def campaign(self, message: Message) -> str:
        return str(message.run.campaign)

    @display(description=_("state"), label=MESSAGE_COLOURS)
    def state_label(self, message: Message) -> tuple[str, str]:
        return message.state, message.get_state_display()

    @admin.display(description=_("problem"))
    def problem(self, message: Message) -> SafeString | str:
        if not message.error_kind:
            return "—"
        return format_html('<span title="{}">{}</span>', message.error, error_label(message.error_kind))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Message], search_term: str
    ) -> tuple[QuerySet[Message], bool]:
        return _by_customer(queryset, search_term), False

    def has_send_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("notifications.send_campaign"))

    @admin.action(description=_("Send again…"), permissions=["send"])
    def resend(self, request: HttpRequest, queryset: QuerySet[Message]) -> HttpResponse | None:
        """Asks first: an unknown message may have arrived."""
        if not self.has_send_permission(request):
            raise PermissionDenied
        if request.POST.get("confirmed"):
            self._resend(request, queryset)
            return None
        unknown = queryset.filter(state=MessageState.UNKNOWN).count()
        failed = queryset.filter(state=MessageState.FAILED).count()
        context = {
            **self.admin_site.each_context(request),
            "title": _("Send again?"),
            "opts": self.opts,
            "unknown": unknown,
            "failed": failed,
            "others": queryset.count() - unknown - failed,
            "selected": request.POST.getlist(helpers.ACTION_CHECKBOX_NAME),
            "cancel_url": reverse("admin:notifications_message_changelist"),
        }
        return TemplateResponse(request, "notifications/admin/resend.html", context)

    def _resend(self, request: HttpRequest, queryset: QuerySet[Message]) -> None:
        planned, refusals = 0, []
        for message_id in queryset.values_list("pk", flat=True):
            try:
                resend_message(message_id=message_id)
                planned += 1
            except NotResendableError as error:
                refusals.append(str(error))
        if planned:
            text = ngettext("%(n)d message will be sent again.", "%(n)d messages will be sent again.", planned)
            self.message_user(request, text % {"n": planned}, messages.SUCCESS)
        for refusal in refusals[:3]:
            self.message_user(request, refusal, messages.WARNING)


class SuppressionForm(forms.ModelForm):
    address = forms.EmailField(
        label=_("address"), widget=UnfoldAdminEmailInputWidget, help_text=_("Only a keyed hash of it is stored.")
    )

    class Meta:
        model = Suppression
        fields = ("channel", "reason")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        found = Suppression.objects.filter(
            channel=cleaned.get("channel"), address_hash=lookup_hash(cleaned.get("address", ""))
        )
        if found.exists():
            self.add_error("address", _("This address is suppressed already."))
        return cleaned


class SuppressionFileForm(forms.Form):
    file = forms.FileField(
        label=_("file"),
        widget=UnfoldAdminFileFieldWidget,
        help_text=_("CSV: an address in the first column, and a reason in the second, if there is one."),
    )


@admin.register(Suppression)
class SuppressionAdmin(BigTableAdmin):
    list_display = ("short_hash", "channel", "reason", "created_at")
    list_filter = ("channel",)
    search_fields = ("address_hash",)
    search_help_text = _("A whole address")
    ordering = ("-id",)
    form = SuppressionForm
    fields = ("channel", "address", "reason")
    actions_list = ("import_list", "export_list")

    @action(description=_("Import"), url_path="import", icon="upload", permissions=["add"])
    def import_list(self, request: HttpRequest) -> HttpResponse:
        """A file of addresses, or an export of another Apropos."""
        form = SuppressionFileForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            lines = TextIOWrapper(form.cleaned_data["file"].file, encoding="utf-8-sig", errors="replace", newline="")
            done = import_suppressions(lines=lines)
            text = _("%(added)d added, %(known)d known already, %(bad)d not understood.")
            values = {"added": done.added, "known": done.known, "bad": done.bad_count}
            self.message_user(request, text % values, messages.WARNING if done.bad else messages.SUCCESS)
            for line in done.bad:
                self.message_user(request, _("Line %(line)s") % {"line": line}, messages.WARNING)
            return redirect("admin:notifications_suppression_changelist")
        context = {
            **self.admin_site.each_context(request),
            "title": _("Import suppressed addresses"),
            "opts": self.opts,
            "form": form,
        }
        return TemplateResponse(request, "notifications/admin/suppression_import.html", context)

    @action(description=_("Export"), url_path="export", icon="download", permissions=["view"])
    def export_list(self, request: HttpRequest) -> StreamingHttpResponse:
        """Hashes with their reasons, which an import here understands."""
        headers = {"Content-Disposition": 'attachment; filename="suppressions.csv"'}
        return StreamingHttpResponse(export_suppressions(), content_type="text/csv; charset=utf-8", headers=headers)

    @admin.display(description=_("address (hash)"))
    def short_hash(self, suppression: Suppression) -> str:
        return f"{suppression.address_hash[:12]}…"

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Suppression, form: ModelForm, change: bool) -> None:
        obj.address_hash = lookup_hash(form.cleaned_data["address"])
        super().save_model(request, obj, form, change)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Suppression], search_term: str
    ) -> tuple[QuerySet[Suppression], bool]:
        return (queryset.filter(address_hash=lookup_hash(search_term)) if search_term else queryset), False


def _by_customer(queryset: QuerySet[Any], term: str) -> QuerySet[Any]:
    return queryset.filter(customer__external_id=term.strip()) if term.strip() else queryset
