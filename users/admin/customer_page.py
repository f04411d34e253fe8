"""Customer 360: what the page of one customer shows, and what can be done from it."""

import time
from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from catalog.models import Category
from users.choices import AccessAction, Channel, ConsentPurpose
from users.customer_sections import customer_sections
from users.models import Consent, Customer, CustomerAccess, Device, Profile
from users.privacy.access import Actor, record_access
from users.privacy.consents import ConsentStatement, add_consents, current_consents
from users.privacy.erase import erase_customer
from users.privacy.export import export_customer
from users.privacy.masking import mask_email, mask_phone, mask_text
from users.timeline import KINDS, Place, activity, timeline

SHOWN_SECONDS = 10 * 60
SHOWN_ROWS = 8  # of the ledger and of the access log
_SESSION_KEY = "shown_customers"

KIND_LABELS = {
    "": gettext_lazy("Everything"),
    "orders": gettext_lazy("Orders"),
    "views": gettext_lazy("Views"),
    "searches": gettext_lazy("Searches"),
    "cart": gettext_lazy("Cart"),
    "answers": gettext_lazy("Answers"),
}
WEEKDAYS = (
    *(gettext_lazy("Mon"), gettext_lazy("Tue"), gettext_lazy("Wed"), gettext_lazy("Thu")),
    *(gettext_lazy("Fri"), gettext_lazy("Sat"), gettext_lazy("Sun")),
)


class ConsentForm(forms.Form):
    """What a customer said on the phone, in a shop, in a letter."""

    channel = forms.ChoiceField(label=gettext_lazy("channel"), choices=Channel, widget=UnfoldAdminSelectWidget)
    purpose = forms.ChoiceField(label=gettext_lazy("purpose"), choices=ConsentPurpose, widget=UnfoldAdminSelectWidget)
    granted = forms.TypedChoiceField(
        label=gettext_lazy("statement"),
        choices=[("yes", gettext_lazy("granted")), ("no", gettext_lazy("withdrawn"))],
        coerce=lambda value: value == "yes",
        widget=UnfoldAdminSelectWidget,
    )
    source = forms.CharField(
        label=gettext_lazy("source"),
        max_length=255,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": gettext_lazy("for example: by phone")}),
    )
    text_version = forms.CharField(
        label=gettext_lazy("text version"), max_length=64, required=False, widget=UnfoldAdminTextInputWidget
    )


def is_shown(request: HttpRequest, customer: Customer) -> bool:
    """Whether this member of staff asked to see this customer's personal data a short while ago, and still may."""
    until = request.session.get(_SESSION_KEY, {}).get(str(customer.pk), 0)
    return until > time.time() and request.user.has_perm("users.show_personal_data")


def page_context(request: HttpRequest, customer: Customer) -> dict[str, Any]:
    """Everything above the form, in a fixed number of queries."""
    profile = Profile.objects.filter(pk=customer.pk).first()
    grid = activity(customer_id=customer.pk, time_zone=customer.time_zone)
    return {
        "customer": customer,
        "person": _person(customer, shown=is_shown(request, customer)),
        "is_shown": is_shown(request, customer),
        "may": {
            name: request.user.has_perm(f"users.{permission}")
            for name, permission in (
                ("show", "show_personal_data"),
                ("export", "export_customer"),
                ("erase", "erase_customer"),
                ("consent", "add_consent"),
            )
        },
        "merged": list(customer.merged_from.all()[:5]),
        "profile": profile,
        "currency": settings.SHOP_CURRENCY,
        "interests": _interests(profile),
        "activity": _activity(grid),
        "hours": range(0, 24, 6),
        "consents": current_consents(customer_ids=[customer.pk])[customer.pk],
        "ledger": Consent.objects.filter(customer=customer).order_by("-recorded_at", "-id")[:SHOWN_ROWS],
        "consent_form": ConsentForm(initial={"granted": "yes"}),
        "devices": Device.objects.filter(customer=customer).order_by("-last_seen_at")[:SHOWN_ROWS],
        "sections": customer_sections(customer),
        "accesses": CustomerAccess.objects.filter(customer=customer).order_by("-at")[:SHOWN_ROWS],
        **_timeline_context(request, customer),
    }


def _person(customer: Customer, *, shown: bool) -> dict[str, Any]:
    names = [customer.first_name, customer.last_name]
    if shown:
        return {"name": " ".join(filter(None, names)), "email": customer.email, "phone": customer.phone}
    return {
        "name": " ".join(filter(None, map(mask_text, names))),
        "email": mask_email(customer.email),
        "phone": mask_phone(customer.phone),
    }


def _interests(profile: Profile | None) -> list[tuple[str, float, str]]:
    """Favourite categories and brands with their share in percent, and what they are."""
    if profile is None:
        return []
    names = dict(
        Category.objects.filter(external_id__in=profile.favourite_categories).values_list("external_id", "name")
    )
    categories = zip(profile.favourite_categories, profile.category_weights, strict=True)
    brands = zip(profile.favourite_brands, profile.brand_weights, strict=True)
    return [(names.get(ref, ref), 100 * share, _("category")) for ref, share in list(categories)[:5]] + [
        (brand, 100 * share, _("brand")) for brand, share in list(brands)[:5]
    ]


def _activity(grid: list[list[int]]) -> list[tuple[Any, list[tuple[int, int, int]]]]:
    """For each weekday its hours as (hour, events, percent of the busiest hour); empty without events."""
    most = max(max(row) for row in grid)
    if not most:
        return []
    return [
        (day, [(hour, count, round(100 * count / most)) for hour, count in enumerate(row)])
        for day, row in zip(WEEKDAYS, grid, strict=True)
    ]


def _timeline_context(request: HttpRequest, customer: Customer) -> dict[str, Any]:
    kind = request.GET.get("kind", "")
    before = Place.parse(request.GET.get("before", ""))
    return {
        "customer": customer,
        "kind": kind if kind in KINDS else "",
        "kinds": KIND_LABELS.items(),
        "timeline": timeline(customer_id=customer.pk, kind=kind, before=before),
        "is_first": before is None,
    }


def timeline_view(request: HttpRequest, object_id: int, model_admin: ModelAdmin) -> HttpResponse:
    """A page of the timeline, as a fragment; a browser without scripts gets the whole page instead."""
    customer = _customer(request, object_id, "users.view_customer")
    if "HX-Request" not in request.headers:
        return redirect(f"../change/?{request.GET.urlencode()}")
    return TemplateResponse(request, "users/customer_timeline.html", _timeline_context(request, customer))


def show_view(request: HttpRequest, object_id: int, model_admin: ModelAdmin) -> HttpResponse:
    """Show the customer's personal data to this member of staff for ten minutes, or hide it again."""
    customer = _customer(request, object_id, "users.show_personal_data", change=True)
    shown = {pk: until for pk, until in request.session.get(_SESSION_KEY, {}).items() if until > time.time()}
    if "hide" in request.POST:
        shown.pop(str(customer.pk), None)
    else:
        shown[str(customer.pk)] = time.time() + SHOWN_SECONDS
        _log(request, customer, AccessAction.SHOWN)
    request.session[_SESSION_KEY] = shown
    return redirect("admin:users_customer_change", customer.pk)


def consent_view(request: HttpRequest, object_id: int, model_admin: ModelAdmin) -> HttpResponse:
    """Record what the customer told us."""
    customer = _customer(request, object_id, "users.add_consent", change=True)
    form = ConsentForm(request.POST)
    if not form.is_valid():
        problems = "; ".join(f"{form[name].label}: {error[0]}" for name, error in form.errors.items())
        messages.error(request, _("Nothing was recorded. %(problems)s") % {"problems": problems})
    else:
        statement = ConsentStatement(
            **{**form.cleaned_data, "customer_id": customer.external_id or "", "recorded_at": timezone.now()}
        )
        if add_consents(statements=[statement]):
            _log(request, customer, AccessAction.CONSENT, fields=(statement.channel,))
            messages.success(request, _("The statement was added to the ledger."))
        else:
            messages.info(request, _("The ledger says so already; nothing was added."))
    return redirect("admin:users_customer_change", customer.pk)


def export_view(request: HttpRequest, object_id: int, model_admin: ModelAdmin) -> HttpResponse | StreamingHttpResponse:
    """Everything that is held of the customer, as a file."""
    customer = _customer(request, object_id, "users.export_customer", change=True)
    pieces = export_customer(customer=customer, actor=Actor.staff(request.user), page="admin:users_customer_export")
    name = f"customer-{customer.pk}-{datetime.now(tz=timezone.get_current_timezone()):%Y-%m-%d}.json"
    return StreamingHttpResponse(
        pieces, content_type="application/json", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


def erase_view(request: HttpRequest, object_id: int, model_admin: ModelAdmin) -> HttpResponse:
    """Ask for the id, then erase."""
    customer = _customer(request, object_id, "users.erase_customer")
    reference = customer.external_id or customer.anonymous_id or ""
    typed = request.POST.get("reference", "").strip()
    if request.method == "POST" and typed == reference:
        erasure = erase_customer(customer=customer, actor=Actor.staff(request.user), page="admin:users_customer_erase")
        rows = sum(erasure.rows.values())
        messages.success(
            request,
            ngettext("The customer was erased: %(rows)d row.", "The customer was erased: %(rows)d rows.", rows)
            % {"rows": rows},
        )
        return redirect("admin:users_customer_changelist")
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": _("Erase a customer"),
        "customer": customer,
        "reference": reference,
        "is_wrong": request.method == "POST",
        "days": settings.ERASED_REFUSE_DAYS,
    }
    return TemplateResponse(request, "users/customer_erase.html", context)


def _customer(request: HttpRequest, object_id: int, permission: str, *, change: bool = False) -> Customer:
    """The customer, for somebody with the permission. What changes or logs something takes a POST only."""
    if change and request.method != "POST":
        raise PermissionDenied(_("Open this from the customer's page."))
    if not request.user.has_perm(permission):
        raise PermissionDenied
    return get_object_or_404(Customer, pk=object_id, erased_at=None)


def _log(request: HttpRequest, customer: Customer, action: AccessAction, fields: tuple[str, ...] = ()) -> None:
    page = request.resolver_match.view_name if request.resolver_match else ""
    record_access(customer_id=customer.pk, action=action, actor=Actor.staff(request.user), page=page, fields=fields)
