"""Segments: the rule beside its sentence, a live count, and what would remain of it in a campaign."""

import json
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from notifications.admin.next_step import offer_to_compose
from notifications.admin.segment_form import RuleDecoder, SegmentForm
from notifications.campaigns.segment_funnel import SegmentFunnel, claim_count, kept_funnel, segment_funnel
from notifications.models import Segment
from notifications.segments import RuleError, count_segment, explain_rule, validate_rule
from notifications.segments.count import CountTooSlowError, audience_warnings
from notifications.segments.references import uses_of
from notifications.segments.suggest import suggest
from notifications.tasks import count_funnel
from users.choices import Channel

COUNT_TIME_LIMIT = timedelta(seconds=5)
HOLD_OUTS = (0, 5, 10, 20, 50)
USUAL_HOLD_OUT = Decimal(10)


@admin.register(Segment)
class SegmentAdmin(ModelAdmin):
    list_before_template = "notifications/admin/list_intro.html"
    empty_text = _(
        "A segment is a rule that selects customers, such as “no order for 60 days”. Compose one with “+”, by clicking."
    )
    form = SegmentForm
    list_display = ("name", "sentence", "updated_at")
    search_fields = ("name",)
    ordering = ("name",)
    fields = ("name", "rule")
    change_form_before_template = "notifications/admin/segment_preview.html"

    class Media:
        css = {"all": ("notifications/campaigns.css",)}

    @admin.display(description=_("who"))
    def sentence(self, segment: Segment) -> str:
        try:
            return explain_rule(segment.rule, get_language() or "en")
        except RuleError as error:
            return format_html('<span class="ap-tag ap-bad">{}</span>', error)

    def response_add(self, request: HttpRequest, obj: Segment, post_url_continue: str | None = None) -> HttpResponse:
        """With the way to what comes next."""
        offer_to_compose(request, field="segment", pk=obj.pk, text=_("Compose a campaign for it"))
        return super().response_add(request, obj, post_url_continue)

    def get_urls(self) -> list[URLPattern]:
        views = {"preview": self.preview_view, "funnel": self.funnel_view, "suggest": self.suggest_view}
        own = [
            path(f"{name}/", self.admin_site.admin_view(view), name=f"notifications_segment_{name}")
            for name, view in views.items()
        ]
        return [*own, *super().get_urls()]

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """The sentence and the count of the rule that is being composed, or what is wrong with it."""
        self._check_permission(request)
        text, name = request.POST.get("rule", ""), request.POST.get("name", "")
        return TemplateResponse(request, "notifications/admin/segment_result.html", _preview(text, name))

    def funnel_view(self, request: HttpRequest) -> HttpResponse:
        """How many of them a campaign would reach; in the background where that takes long and is asked for."""
        self._check_permission(request)
        question = _read_question(request)
        context = _funnel(question, in_background="background" in request.POST) if question else {}
        choices = {"channels": Channel.choices, "hold_outs": HOLD_OUTS, "question": question}
        return TemplateResponse(request, "notifications/admin/segment_funnel.html", {**choices, **context})

    def suggest_view(self, request: HttpRequest) -> HttpResponse:
        """Values that may stand in a rule."""
        self._check_permission(request)
        try:
            found = suggest(
                request.GET.get("kind", ""),
                text=request.GET.get("q", "").replace("\x00", ""),
                values=[value for value in request.GET.getlist("value")[:200] if "\x00" not in value],
            )
        except KeyError as error:
            raise Http404 from error
        return JsonResponse({"found": found})

    def _check_permission(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        choices = {"channels": Channel.choices, "hold_outs": HOLD_OUTS, "usual_hold_out": int(USUAL_HOLD_OUT)}
        return super().changeform_view(request, object_id, form_url, {**choices, **(extra_context or {})})

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """A segment that another one refers to cannot be deleted."""
        to_delete, counts, permissions, protected = super().get_deleted_objects(objs, request)
        going = {segment.name for segment in objs}
        for segment in objs:
            protected += [use for use in uses_of(segment, except_for=going) if use not in protected]
        return to_delete, counts, permissions, protected


def _preview(text: str, name: str) -> dict[str, Any]:
    try:
        rule = json.loads(text, cls=RuleDecoder)
        validate_rule(rule, name=name)
        sentence = explain_rule(rule, get_language() or "en")
    except ValueError as error:
        problems = error.problems if isinstance(error, RuleError) else [_("This is not JSON yet.")]
        return {"problems": problems}
    try:
        count = count_segment(rule, time_limit=COUNT_TIME_LIMIT)
        warnings = audience_warnings(rule, count=count, time_limit=COUNT_TIME_LIMIT)
        return {"sentence": sentence, "count": count, "shown": f"{count:,}", "warnings": warnings}
    except CountTooSlowError:
        return {"sentence": sentence, "too_slow": COUNT_TIME_LIMIT.seconds}


@dataclass(frozen=True)
class _Question:
    rule: Any
    channel: str
    hold_out_percent: Decimal

    def as_kwargs(self) -> dict[str, Any]:
        return {"rule": self.rule, "channel": self.channel, "hold_out_percent": self.hold_out_percent}


def _read_question(request: HttpRequest) -> _Question | None:
    """What is asked, or None where the rule is not sound: the preview says why."""
    try:
        rule = json.loads(request.POST.get("rule", ""), cls=RuleDecoder)
        validate_rule(rule, name=request.POST.get("name", ""))
    except ValueError:
        return None
    channel, hold_out = request.POST.get("funnel_channel", ""), request.POST.get("funnel_hold_out", "")
    known = hold_out.isdecimal() and int(hold_out) in HOLD_OUTS
    return _Question(
        rule, channel if channel in Channel.values else Channel.EMAIL, Decimal(hold_out) if known else USUAL_HOLD_OUT
    )


def _funnel(question: _Question, *, in_background: bool) -> dict[str, Any]:
    funnel = kept_funnel(**question.as_kwargs())
    if funnel is None and in_background:
        if claim_count(**question.as_kwargs()):
            asked = (question.rule, question.channel, str(question.hold_out_percent))
            transaction.on_commit(lambda: count_funnel.delay(*asked))
        return {"waiting": True}
    try:
        funnel = funnel or segment_funnel(**question.as_kwargs(), time_limit=COUNT_TIME_LIMIT)
    except CountTooSlowError:
        return {"too_slow": COUNT_TIME_LIMIT.seconds}
    return {"steps": _steps(funnel)}


def _steps(funnel: SegmentFunnel) -> list[dict[str, Any]]:
    """Bars: what is left in full colour, what a step takes away quietly beneath."""
    rows = (
        (_("Matched"), funnel.matched, False),
        (_("With consent"), funnel.consented, False),
        (_("Suppressed"), funnel.suppressed, True),
        (_("Capped"), funnel.capped, True),
        (_("Held out"), funnel.held_out, True),
        (_("Will receive"), funnel.will_receive, False),
    )
    most = funnel.matched or 1
    return [
        {"label": label, "shown": f"{count:,}", "share": f"{100 * count / most:.2f}", "is_less": is_less}
        for label, count, is_less in rows
    ]
