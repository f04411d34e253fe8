"""What the form of a campaign says at once below its segment and its offer: who that is, and what they get."""

from datetime import timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin

from notifications.models import Offer, Segment
from notifications.offers.issue import OfferNotIssuableError, coupon_validity
from notifications.offers.terms import describe_offer, describe_validity
from notifications.segments import RuleError, count_segment, explain_rule
from notifications.segments.count import CountTooSlowError, audience_warnings

TIME_LIMIT = timedelta(seconds=3)


def glance_view(model_admin: ModelAdmin, request: HttpRequest) -> HttpResponse:
    """`?segment=` and `?offer=` are primary keys; each that is known is answered by sentences."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    asked = {name: request.GET.get(name, "") for name in ("segment", "offer")}
    found: dict[str, Any] = {}
    if asked["segment"].isdecimal() and (segment := Segment.objects.filter(pk=asked["segment"]).first()):
        found["segment"] = _of_segment(segment)
    if asked["offer"].isdecimal() and (offer := Offer.objects.filter(pk=asked["offer"]).first()):
        found["offer"] = _of_offer(offer)
    return JsonResponse(found)


def _of_segment(segment: Segment) -> dict[str, Any]:
    try:
        sentence = explain_rule(segment.rule, get_language() or "en")
        count = count_segment(segment.rule, time_limit=TIME_LIMIT)
        warnings = audience_warnings(segment.rule, count=count, time_limit=TIME_LIMIT)
    except RuleError as error:
        return {"text": "", "warnings": [str(error)]}
    except CountTooSlowError:
        return {"text": sentence, "warnings": []}
    counted = ngettext("%(n)s customer matches now.", "%(n)s customers match now.", count) % {"n": f"{count:,}"}
    return {"text": f"{counted} {sentence}", "warnings": warnings}


def _of_offer(offer: Offer) -> dict[str, Any]:
    text = _("%(terms)s; %(validity)s.") % {
        "terms": describe_offer(offer, get_language() or ""),
        "validity": describe_validity(offer),
    }
    try:
        coupon_validity(offer=offer, issued_at=timezone.now())
    except OfferNotIssuableError as error:
        return {"text": text, "warnings": [str(error)]}
    return {"text": text, "warnings": []}
