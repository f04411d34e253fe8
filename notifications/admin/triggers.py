"""When a campaign runs: the page that asks for it, and what the campaign's page tells about it."""

from contextlib import suppress
from datetime import timedelta
from typing import Any, cast

from django import forms
from django.contrib import messages
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Field
from django.forms import modelform_factory
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin

from notifications.admin.labels import CAMPAIGN_COLOURS
from notifications.admin.trigger_form import TriggerForm, field_hints
from notifications.campaigns.history import note_change
from notifications.campaigns.moves import IllegalMoveError
from notifications.campaigns.recurrence import RecurrenceError, known_zones
from notifications.campaigns.triggers.defaults import FIELDS, trigger_of
from notifications.campaigns.triggers.explain import explain_trigger, next_times, wait_words
from notifications.campaigns.triggers.forecast import count_entrants
from notifications.campaigns.triggers.journey import Step, ending_reasons, enrolment_counts, journey_of
from notifications.campaigns.triggers.save import save_trigger
from notifications.choices import CampaignStatus, ChangeKind, TriggerKind
from notifications.models import Campaign, Trigger
from notifications.segments import RuleError
from notifications.segments.count import CountTooSlowError, within

PATIENCE = timedelta(seconds=2)


def when_view(model_admin: ModelAdmin, request: HttpRequest, object_id: int) -> HttpResponse:
    """Ask when the campaign runs; a POST of htmx says what the answers would mean, any other one keeps them."""
    campaign = _campaign(model_admin, request, object_id)
    trigger = trigger_of(campaign)
    may_edit = campaign.status == CampaignStatus.DRAFT and model_admin.has_change_permission(request, campaign)
    if request.method == "POST" and not may_edit:
        raise PermissionDenied
    form = _form_class(model_admin, request)(request.POST or None, instance=trigger)
    if request.method == "POST" and request.headers.get("HX-Request"):
        context = _meaning(form.instance) if form.is_valid() else {"is_faulty": True}
        return TemplateResponse(request, "notifications/admin/when_meaning.html", context)
    if request.method == "POST" and form.is_valid():
        return _save(request, form.instance)
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": str(campaign),
        "campaign": campaign,
        "form": form,
        "may_edit": may_edit,
        "fields": FIELDS,
        "hints": field_hints(),
        "zones": known_zones(),
        **({"is_faulty": True} if form.errors else _meaning(trigger)),
    }
    return TemplateResponse(request, "notifications/admin/when.html", context)


def when_panel_view(model_admin: ModelAdmin, request: HttpRequest, object_id: int) -> HttpResponse:
    """What the campaign's page shows of it, loaded after the page: counting takes a moment."""
    campaign = _campaign(model_admin, request, object_id)
    context = {"campaign": campaign, **_meaning(trigger_of(campaign)), **_on_the_way(campaign)}
    return TemplateResponse(request, "notifications/admin/when_panel.html", context)


def _campaign(model_admin: ModelAdmin, request: HttpRequest, object_id: int) -> Campaign:
    campaign = get_object_or_404(Campaign.objects.select_related("segment"), pk=object_id)
    if not model_admin.has_view_permission(request, campaign):
        raise PermissionDenied
    return campaign


def _form_class(model_admin: ModelAdmin, request: HttpRequest) -> type[TriggerForm]:
    """The form with the widgets of the admin, without their links to other pages."""

    def styled(field: "Field[Any, Any]", **kwargs: Any) -> forms.Field | None:
        found = model_admin.formfield_for_dbfield(field, request, **kwargs)
        if found is not None and isinstance(found.widget, RelatedFieldWidgetWrapper):
            found.widget = found.widget.widget
        return found

    form: Any = modelform_factory(Trigger, form=TriggerForm, exclude=["campaign"], formfield_callback=styled)
    return cast(type[TriggerForm], form)


def _save(request: HttpRequest, trigger: Trigger) -> HttpResponse:
    user: Any = request.user
    try:
        with transaction.atomic():
            save_trigger(trigger=trigger)
            note_change(campaign=trigger.campaign, kind=ChangeKind.EDITED, user=user)
    except IllegalMoveError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Saved: %(sentence)s") % {"sentence": explain_trigger(trigger)})
    return redirect("admin:notifications_campaign_when", trigger.campaign_id)


def _meaning(trigger: Trigger) -> dict[str, Any]:
    """What will happen: the sentence, and the next times or who would have entered lately."""
    context: dict[str, Any] = {"sentence": explain_trigger(trigger), "trigger": trigger, "days": 7}
    if trigger.kind == TriggerKind.RECURRING:
        try:
            context["next_times"] = next_times(trigger, after=timezone.now())
        except RecurrenceError as error:
            context["problem"] = str(error)
    elif not trigger.is_scheduled and trigger.finished_at is None:
        with suppress(CountTooSlowError, RuleError):  # the rest is worth showing without it
            context["entrants"] = count_entrants(trigger, now=timezone.now(), time_limit=PATIENCE)
    return context


def _on_the_way(campaign: Campaign) -> dict[str, Any]:
    """The steps of its journey and their customers; without numbers where counting them takes too long."""
    steps = journey_of(campaign)
    try:
        with within(PATIENCE):
            counts = enrolment_counts([step.trigger.campaign_id for step in steps])
            reasons = [(reason.label, number) for reason, number in ending_reasons(campaign).items()]
    except CountTooSlowError:
        counts, reasons = {}, []
    return {"steps": [_card(step, counts, campaign) for step in steps], "reasons": reasons}


def _card(step: Step, counts: dict[int, Any], current: Campaign) -> dict[str, Any]:
    trigger, campaign = step.trigger, step.campaign
    states = [] if trigger.is_scheduled else counts.get(campaign.pk, {}).items()
    return {
        "number": step.number,
        "campaign": campaign,
        "is_current": campaign.pk == current.pk,
        "colour": CAMPAIGN_COLOURS.get(campaign.status, ""),
        "kind": trigger.get_kind_display(),
        "condition": trigger.get_condition_display() if trigger.kind == TriggerKind.FOLLOW_UP else "",
        "wait": "" if trigger.is_scheduled or not trigger.wait else wait_words(trigger),
        "counts": [(state, state.label, number) for state, number in states],
    }
