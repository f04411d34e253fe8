"""Segments: the rule beside its sentence and a live count."""

import json
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminTextareaWidget

from notifications.models import Segment
from notifications.segments import RuleError, count_segment, explain_rule, validate_rule
from notifications.segments.count import CountTooSlowError
from notifications.segments.fields import FIELDS, OPERATORS
from notifications.segments.references import referring_segments
from users.choices import EventType

COUNT_TIME_LIMIT = timedelta(seconds=5)
NEW_RULE = {"all": [{"field": "profile.last_order_at", "op": "older_than_days", "value": 60}]}


_KEY_ORDER = (
    *("all", "any", "not", "field", "op", "event", "consent", "coupon", "segment"),
    *("count", "never", "within_days"),
)
_LINE = 100


class RuleField(forms.JSONField):
    """JSON with one test a line, its keys in the order in which they are read; PostgreSQL keeps neither."""

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else _pretty(value)


def _pretty(value: Any, indent: str = "") -> str:
    if isinstance(value, dict):
        value = {key: value[key] for key in sorted(value, key=_key_rank)}
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or (len(indent + line) <= _LINE and not _is_group(value)):
        return line
    inner = indent + "  "
    if isinstance(value, list):
        return "[\n" + ",\n".join(inner + _pretty(item, inner) for item in value) + f"\n{indent}]"
    members = (f"{inner}{json.dumps(key)}: {_pretty(item, inner)}" for key, item in value.items())
    return "{\n" + ",\n".join(members) + f"\n{indent}}}"


def _is_group(value: dict[str, Any] | list[Any]) -> bool:
    if isinstance(value, list):
        return any(isinstance(item, dict) for item in value)
    return "all" in value or "any" in value


def _key_rank(key: str) -> int:
    return _KEY_ORDER.index(key) if key in _KEY_ORDER else len(_KEY_ORDER)


class SegmentForm(forms.ModelForm):
    rule = RuleField(
        label=_("Rule"),
        initial=NEW_RULE,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 18, "spellcheck": "false", "style": "font-family: monospace"}),
        error_messages={"invalid": _("This is not JSON; look for a missing comma, quote or bracket.")},
    )

    class Meta:
        model = Segment
        fields = ("name", "rule")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if "rule" in cleaned:
            try:
                validate_rule(cleaned["rule"], name=cleaned.get("name", ""))
            except RuleError as error:
                self.add_error("rule", [str(problem) for problem in error.problems])
        if self.instance.pk and "name" in self.changed_data:
            old_name = self.initial["name"]
            if referring := [name for name in referring_segments(name=old_name) if name != old_name]:
                names = ", ".join(referring)
                self.add_error("name", _("It is used under this name by: %(names)s.") % {"names": names})
        return cleaned


@admin.register(Segment)
class SegmentAdmin(ModelAdmin):
    form = SegmentForm
    list_display = ("name", "sentence", "updated_at")
    search_fields = ("name",)
    ordering = ("name",)
    fields = ("name", "rule")
    change_form_before_template = "notifications/admin/segment_preview.html"
    change_form_after_template = "notifications/admin/segment_language.html"

    @admin.display(description=_("who"))
    def sentence(self, segment: Segment) -> str:
        try:
            return explain_rule(segment.rule, get_language() or "en")
        except RuleError as error:
            return format_html('<span class="ap-tag ap-bad">{}</span>', error)

    def get_urls(self) -> list[URLPattern]:
        preview = self.admin_site.admin_view(self.preview_view)
        return [path("preview/", preview, name="notifications_segment_preview"), *super().get_urls()]

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """The sentence and the count of the rule that is being typed, or what is wrong with it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        name = request.POST.get("name", "")
        return TemplateResponse(
            request, "notifications/admin/segment_result.html", _preview(request.POST.get("rule", ""), name)
        )

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        language = {
            "rule_fields": [(name, ", ".join(OPERATORS[field.kind])) for name, field in FIELDS.items()],
            "rule_events": ", ".join(kind.code for kind in EventType),
        }
        return super().changeform_view(request, object_id, form_url, {**language, **(extra_context or {})})

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """A segment that another one refers to cannot be deleted."""
        to_delete, counts, permissions, protected = super().get_deleted_objects(objs, request)
        going = {segment.name for segment in objs}
        for segment in objs:
            referring = [name for name in referring_segments(name=segment.name) if name not in going]
            protected += [_("Segment “%(name)s”, whose rule refers to it") % {"name": name} for name in referring]
        return to_delete, counts, permissions, protected


def _preview(text: str, name: str) -> dict[str, Any]:
    try:
        rule = json.loads(text)
        validate_rule(rule, name=name)
        sentence = explain_rule(rule, get_language() or "en")
    except ValueError as error:
        problems = error.problems if isinstance(error, RuleError) else [_("This is not JSON yet.")]
        return {"problems": problems}
    try:
        count = count_segment(rule, time_limit=COUNT_TIME_LIMIT)
        return {"sentence": sentence, "count": count, "shown": f"{count:,}"}
    except CountTooSlowError:
        return {"sentence": sentence, "too_slow": COUNT_TIME_LIMIT.seconds}
