"""A draft as real customers would get it, and a test mail of it to whoever asks."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin

from notifications.admin.moves import possible_moves
from notifications.campaigns.triggers.defaults import trigger_of
from notifications.channels.base import DeliveryError
from notifications.choices import SuppressionReason
from notifications.delivery.preview import Preview, example_customers, preview_campaign, send_test
from notifications.models import Campaign
from notifications.segments import RuleError
from users.models import Customer

_KINDS = {
    "random": gettext_lazy("Random"),
    "no_name": gettext_lazy("No name"),
    "no_recommendation": gettext_lazy("Nothing to recommend"),
    "other_language": gettext_lazy("Other language"),
}


def preview_view(model_admin: ModelAdmin, request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """Show it as the chosen customer gets it; a POST sends that to an address of staff."""
    examples, preview, problem = [], None, ""
    try:
        examples = example_customers(campaign)
        chosen = request.GET.get("customer", "").strip() or (examples[0][1] if examples else "")
        customer = Customer.objects.filter(external_id=chosen, erased_at=None).first()
        preview = preview_campaign(campaign, customer=customer) if customer else None
        problem = _("There is no such customer.") if chosen and not customer else ""
    except (RuleError, ValueError) as error:
        problem, chosen = str(error), ""
    if request.method == "POST" and preview:
        _send(request, preview)
        return redirect(request.get_full_path())
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": str(campaign),
        "campaign": campaign,
        "examples": [(_KINDS[kind], external_id) for kind, external_id in examples],
        "chosen": chosen,
        "preview": preview,
        "problem": problem or (preview.problem if preview else ""),
        "decision": _decision(preview) if preview else "",
        "shop_name": settings.SHOP_NAME,
        "stands_in": not trigger_of(campaign).is_scheduled,
        "next_move": next((move for move in possible_moves(campaign, request.user) if move.is_main), None),
        "may_send": bool(preview and preview.html and request.user.has_perm("notifications.change_campaign")),
    }
    return TemplateResponse(request, "notifications/admin/preview.html", context)


def _decision(preview: Preview) -> str:
    if preview.refusal:
        reason = dict(SuppressionReason.choices).get(preview.refusal, preview.refusal)
        return _("Would not receive it: %(reason)s.") % {"reason": reason}
    if preview.is_held_out:
        return _("Would be held out to measure.")
    return _("Would receive variant %(variant)s.") % {"variant": str(preview.variant)}


def _send(request: HttpRequest, preview: Preview) -> None:
    if not preview.html or not request.user.has_perm("notifications.change_campaign"):
        return
    try:
        address: Any = forms.EmailField().clean(request.POST.get("address", ""))
        send_test(preview, address=address)
    except forms.ValidationError as error:
        messages.error(request, " ".join(error.messages))
    except DeliveryError as error:
        messages.error(request, _("The test was not sent: %(error)s") % {"error": error})
    else:
        messages.success(request, _("A test is on its way to %(address)s.") % {"address": address})
