"""Imports: upload a file, say what its columns mean, check it, import it, watch it."""

from typing import Any
from zoneinfo import available_timezones

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.decorators import display

from catalog.big_tables import ReadOnlyBigTableAdmin
from users.admin.import_forms import MappingForm, UploadForm, event_types
from users.choices import ImportState
from users.importing import FileError
from users.importing.errors import read_parts
from users.importing.jobs import (
    MOVES,
    OPEN,
    IllegalMoveError,
    cancel_job,
    configure_job,
    continue_job,
    create_job,
    preview_file,
    start_check,
    start_import,
)
from users.ingestion.cleaning import rule_for
from users.models import ImportJob
from users.tasks import run_import

STATE_COLOURS = {
    ImportState.DRAFT: "warning",
    ImportState.QUEUED: "info",
    ImportState.RUNNING: "info",
    ImportState.CHECKED: "primary",
    ImportState.DONE: "success",
    ImportState.FAILED: "danger",
    ImportState.CANCELLED: "warning",
}
_STEPS = {"import": start_import, "continue": continue_job, "cancel": cancel_job}


@admin.register(ImportJob)
class ImportJobAdmin(ReadOnlyBigTableAdmin):
    list_display = ("file_name", "kind", "state_label", "percent", "rows", "accepted", "refused_rows", "created_at")
    list_filter = ("kind", "state")
    ordering = ("-id",)
    search_fields = ("file_name",)

    @display(description=_("state"), label=STATE_COLOURS, ordering="state")
    def state_label(self, job: ImportJob) -> tuple[str, str]:
        return job.state, job.get_state_display()

    @admin.display(description=_("progress"))
    def percent(self, job: ImportJob) -> str:
        return f"{job.share:.0%}"

    @admin.display(description=_("refused"))
    def refused_rows(self, job: ImportJob) -> int:
        return sum(job.refused.values())

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("users.add_importjob"))

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is None:
            kwargs["form"] = UploadForm
        return super().get_form(request, obj, change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return [(None, {"fields": ("kind", "file")})]

    def save_model(self, request: HttpRequest, obj: ImportJob, form: ModelForm, change: bool) -> None:
        """Keep the file through the service; the form has looked at it already."""
        job = create_job(
            kind=form.cleaned_data["kind"],
            file=form.cleaned_data["file"],
            file_name=form.cleaned_data["file"].name,
            encoding=form.cleaned_data["look"].encoding,
            time_zone=timezone.get_default_timezone_name(),
            user_id=request.user.pk,  # type: ignore[arg-type]
        )
        obj.pk, obj.file_name = job.pk, job.file_name

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None) -> Any:
        one_button = {"show_save_and_continue": False, "show_save_and_add_another": False}
        return super().add_view(request, form_url, one_button | (extra_context or {}))

    def response_add(self, request: HttpRequest, obj: ImportJob, post_url_continue: str | None = None) -> HttpResponse:
        return redirect("admin:users_importjob_change", obj.pk)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:job_id>/status/", view(self.status_view), name="users_importjob_status"),
            path("<int:job_id>/refused.csv", view(self.refused_view), name="users_importjob_refused"),
            path(
                "<int:job_id>/step/<str:step>/",
                view(require_POST(self.step_view)),
                name="users_importjob_step",
            ),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The page of one import; a POST changes what its columns mean, and may start the check."""
        job = get_object_or_404(ImportJob, pk=object_id)
        if not self.has_view_permission(request, job):
            raise PermissionDenied
        may_act = self.has_add_permission(request)
        form, look, problem = None, None, ""
        if may_act and job.file and job.state in MOVES["configure"]:
            encoding = request.POST.get("encoding") or job.encoding
            try:
                look = preview_file(file=job.file, file_name=job.file_name, encoding=encoding)
                form = MappingForm(request.POST or None, job=job, look=look)
            except (FileError, FileNotFoundError) as error:
                problem = str(error)
                form = MappingForm(None, job=job, look=None)
            if request.method == "POST" and look is not None and form.is_valid():
                return self._configure(request, job, form)
        context = {
            **self.admin_site.each_context(request),
            **_status_context(job),
            "opts": self.opts,
            "title": job.file_name,
            "form": form,
            "look": look,
            "preview": [[row.get(column) for column in look.columns] for row in look.rows] if look else [],
            "event_types": event_types(),
            "time_zones": sorted(available_timezones()),
            "problem": problem,
            "may_act": may_act,
            "is_open_section": job.state != ImportState.CHECKED or (form is not None and form.is_bound),
        }
        return TemplateResponse(request, "users/admin/import.html", context)

    def _configure(self, request: HttpRequest, job: ImportJob, form: MappingForm) -> HttpResponse:
        try:
            with transaction.atomic():
                configure_job(job_id=job.pk, **form.options())
                if "check" in request.POST:
                    start_check(job_id=job.pk)
                    transaction.on_commit(lambda: run_import.delay(job.pk))
        except IllegalMoveError as error:
            messages.error(request, str(error))
        return redirect("admin:users_importjob_change", job.pk)

    def step_view(self, request: HttpRequest, job_id: int, step: str) -> HttpResponse:
        """Import, continue or cancel."""
        if not self.has_add_permission(request) or step not in _STEPS:
            raise PermissionDenied
        get_object_or_404(ImportJob, pk=job_id)
        try:
            with transaction.atomic():
                _STEPS[step](job_id=job_id)
                if step != "cancel":
                    transaction.on_commit(lambda: run_import.delay(job_id))
        except IllegalMoveError as error:
            messages.error(request, str(error))
        return redirect("admin:users_importjob_change", job_id)

    def status_view(self, request: HttpRequest, job_id: int) -> HttpResponse:
        """The part of the page that moves; once the job rests, the page as a whole is loaded again."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        job = get_object_or_404(ImportJob, pk=job_id)
        context = {**_status_context(job), "may_act": self.has_add_permission(request)}
        response = TemplateResponse(request, "users/admin/import_status.html", context)
        if job.state not in OPEN:
            response["HX-Refresh"] = "true"
        return response

    def refused_view(self, request: HttpRequest, job_id: int) -> StreamingHttpResponse:
        """The refused rows as a file; it may quote what customers told the shop."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        job = get_object_or_404(ImportJob, pk=job_id)
        response = StreamingHttpResponse(read_parts(job_id=job.pk), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="refused-{job.pk}.csv"'
        return response


def _status_context(job: ImportJob) -> dict[str, Any]:
    seconds = (
        ((job.finished_at or timezone.now()) - job.started_at).total_seconds()
        if job.started_at and (job.finished_at is None or job.finished_at > job.started_at)
        else 0
    )
    refused = [(rule_for(reason), rows) for reason, rows in sorted(job.refused.items(), key=lambda pair: -pair[1])]
    return {
        "job": job,
        "colour": STATE_COLOURS[ImportState(job.state)],
        "is_open": job.state in OPEN,
        "percent": 100 * job.share,
        "rate": job.rows / seconds if seconds > 0.5 else None,
        "left": seconds / job.share * (1 - job.share) if job.share > 0.02 and job.state in OPEN else None,
        "refused": refused,
        "refused_rows": sum(job.refused.values()),
        "can_continue": job.state in MOVES["continue"] and bool(job.file) and job.attempt > 0,
        "status_url": reverse("admin:users_importjob_status", args=[job.pk]),
    }
