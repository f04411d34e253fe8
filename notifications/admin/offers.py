"""Offers: their terms with worked examples, their budget, and their pools of imported codes."""

import io
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from notifications.admin.next_step import offer_to_compose
from notifications.admin.offer_form import CONDITIONAL_FIELDS, SCOPE_FIELDS, OfferForm
from notifications.choices import CodeSource
from notifications.models import Offer
from notifications.offers.example import Example, worked_examples
from notifications.offers.money import format_money
from notifications.offers.pool import NoPoolError, import_codes, read_codes
from notifications.offers.terms import PROMISED, change_offer, describe_offer, describe_validity

_VALIDITY = (
    _("Validity"),
    {
        "fields": (("valid_days", "uses_per_coupon"), ("valid_from", "valid_until")),
        "description": _("A coupon is valid for its days from issue, and never beyond the end of the offer."),
    },
)
_LIMITS = (
    _("Limits"),
    {"fields": (("total_limit", "customer_limit"), ("stacking", "stacking_group"), ("minimum_tier", "points_price"))},
)
_CODES = (_("Codes"), {"fields": (("code_source", "low_stock"), "pool_link")})
_BUDGET = (_("Budget"), {"fields": ("budget", "budget_bar")})
_TERMS = (
    None,
    {
        "fields": (
            ("name", "type"),
            ("value", "currency"),
            ("buy_quantity", "get_quantity"),
            "item_prices",
            "steps",
            "reward_items",
            ("minimum_spend", "minimum_quantity"),
            ("maximum_discount", "maximum_quantity"),
        ),
        "description": _("The value is in percent for percentages and for what is got, else in money or points."),
    },
)
_COVERS = (
    _("What it covers"),
    {
        "fields": (
            ("include_items", "exclude_items"),
            ("include_categories", "exclude_categories"),
            ("include_brands", "exclude_brands"),
        ),
        "description": _(
            "Left empty, everything. Whatever fits one of them is covered, and a category covers those below it."
        ),
    },
)


@admin.register(Offer)
class OfferAdmin(ModelAdmin):
    list_before_template = "notifications/admin/list_intro.html"
    empty_text = _(
        "An offer is what a coupon is worth and how long. Make one with “+”; examples show at once what shoppers pay."
    )
    form = OfferForm
    list_display = ("name", "terms", "validity", "uses", "budget_bar", "codes_left")
    list_filter = ("type", "stacking", "code_source")
    search_fields = ("name",)
    ordering = ("-id",)
    readonly_fields = ("terms", "budget_bar", "pool_link")
    conditional_fields = CONDITIONAL_FIELDS
    compressed_fields = False
    change_form_before_template = "notifications/admin/offer_example.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Offer]:
        return super().get_queryset(request).annotate(left=Count("pool", filter=Q(code_source=CodeSource.IMPORTED)))

    @admin.display(description=_("terms"))
    def terms(self, offer: Offer) -> str:
        return describe_offer(offer, get_language() or "")

    @admin.display(description=_("valid"))
    def validity(self, offer: Offer) -> str:
        return describe_validity(offer)

    @admin.display(description=_("uses"), ordering="redeemed")
    def uses(self, offer: Offer) -> str:
        return f"{offer.redeemed:,}" if offer.total_limit is None else f"{offer.redeemed:,} / {offer.total_limit:,}"

    @admin.display(description=_("used of the budget"))
    def budget_bar(self, offer: Offer) -> SafeString | str:
        return "—" if offer.pk is None else _budget_bar(offer)

    @admin.display(description=_("imported codes left"))
    def codes_left(self, offer: Offer) -> SafeString | str:
        if offer.code_source != CodeSource.IMPORTED:
            return "—"
        left: int = offer.left  # type: ignore[attr-defined]
        return format_html('<span class="ap-tag ap-no">{}</span>', left) if left < offer.low_stock else str(left)

    @admin.display(description=_("pool of codes"))
    def pool_link(self, offer: Offer) -> SafeString | str:
        if offer.pk is None or offer.code_source != CodeSource.IMPORTED:
            return gettext("Imported codes are added once the offer is saved.")
        left = offer.pool.count()
        text = ngettext("%(n)d code is left", "%(n)d codes are left", left) % {"n": left}
        return format_html(
            '<a class="ap-link" href="{}">{} →</a>', reverse("admin:notifications_offer_codes", args=[offer.pk]), text
        )

    def get_fieldsets(self, request: HttpRequest, obj: Offer | None = None) -> Any:
        """What a shopper was promised in writing is shown as a sentence, and stays as it is."""
        if _is_promised(obj):
            return ((None, {"fields": ("name", "terms")}), _VALIDITY, _LIMITS_KEPT, _CODES, _BUDGET)
        budget = _BUDGET if obj else (_("Budget"), {"fields": ("budget",)})
        return (_TERMS, _VALIDITY, budget, _COVERS, _LIMITS, _CODES)

    def get_form(self, request: HttpRequest, obj: Offer | None = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        if _is_promised(obj):
            for name in (*PROMISED, *SCOPE_FIELDS):
                form.base_fields.pop(name, None)
        return form

    def save_model(self, request: HttpRequest, obj: Offer, form: Any, change: bool) -> None:
        if change:
            change_offer(offer=obj, changed=form.changed_terms)
        else:
            super().save_model(request, obj, form, change)

    def response_add(self, request: HttpRequest, obj: Offer, post_url_continue: str | None = None) -> HttpResponse:
        """With the way to what comes next."""
        offer_to_compose(request, field="offer", pk=obj.pk, text=_("Compose a campaign with it"))
        return super().response_add(request, obj, post_url_continue)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("example/", view(self.example_view), name="notifications_offer_example"),
            path("<int:pk>/example/", view(self.example_view), name="notifications_offer_example_of"),
            path("<int:pk>/codes/", view(self.codes_view), name="notifications_offer_codes"),
            *super().get_urls(),
        ]

    def example_view(self, request: HttpRequest, pk: int | None = None) -> HttpResponse:
        """What the terms that are being typed do to some carts, or nothing while they make no sense."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        offer = get_object_or_404(Offer, pk=pk) if pk else None
        form = self.get_form(request, offer, change=bool(offer))(request.POST, instance=offer)
        errors = {name: told for name, told in form.errors.items() if name not in ("name", "valid_days", "valid_until")}
        told = [] if errors or not form.instance.type else [_tell(one) for one in worked_examples(form.instance)]
        context = {"examples": told, "terms": describe_offer(form.instance, get_language() or "") if told else ""}
        return TemplateResponse(request, "notifications/admin/offer_examples.html", context)

    def codes_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The pool of an offer, and the form that adds codes to it."""
        offer = get_object_or_404(Offer, pk=pk)
        if not self.has_change_permission(request, offer):
            raise PermissionDenied
        form = CodesForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            try:
                result = import_codes(offer=offer, codes=read_codes(form.lines()))
            except (NoPoolError, UnicodeDecodeError) as error:
                form.add_error(None, str(error))
            else:
                counts = {"added": result.added, "known": result.known, "refused": result.refused}
                told = gettext("%(added)d codes were added, %(known)d were known, %(refused)d are no codes.") % counts
                examples = f" ({', '.join(result.faults[:5])})" if result.faults else ""
                self.message_user(request, told + examples, messages.WARNING if result.refused else messages.SUCCESS)
                return redirect("admin:notifications_offer_codes", pk)
        left = offer.pool.count()
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Pool of codes"),
            "offer": offer,
            "form": form,
            "left": left,
            "opts": self.opts,
            "is_low": left < offer.low_stock,
            "issued": offer.coupons.count(),
            "latest": offer.pool.order_by("-pk")[:10],
        }
        return TemplateResponse(request, "notifications/admin/code_pool.html", context)


_LIMITS_KEPT = (
    _("Limits"),
    {"fields": (("total_limit", "customer_limit"), ("stacking", "stacking_group"), "points_price")},
)


class CodesForm(forms.Form):
    file = forms.FileField(label=_("CSV file"), required=False)
    text = forms.CharField(label=_("Or codes, one a line"), required=False, widget=forms.Textarea(attrs={"rows": 5}))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not cleaned.get("file") and not cleaned.get("text"):
            raise forms.ValidationError(_("Choose a file, or enter some codes."))
        return cleaned

    def lines(self) -> Any:
        """The lines of the file, read as they are needed, and then those of the text."""
        if self.cleaned_data["file"]:
            yield from io.TextIOWrapper(self.cleaned_data["file"], encoding="utf-8-sig", newline="")
        yield from self.cleaned_data["text"].splitlines()


def _is_promised(offer: Offer | None) -> bool:
    return offer is not None and offer.coupons.exists()


def _tell(example: Example) -> dict[str, Any]:
    """One cart as a sentence with its figures."""
    cart, share = example.cart, example.share

    def money(amount: Decimal) -> str:
        return format_money(amount, cart.currency, get_language() or "")

    before = money(cart.total + cart.shipping)
    text = gettext("A cart of %(total)s pays %(paid)s.") % {"total": before, "paid": money(example.pays)}
    extras = []
    if share.gifts:
        items = ", ".join(f"{quantity} × {item_id}" for item_id, quantity in share.gifts)
        extras.append(gettext("It gets for nothing: %(items)s.") % {"items": items})
    if share.points:
        extras.append(gettext("It earns %(n)d points.") % {"n": share.points})
    if len(cart.lines) > 1 or any(line.quantity > 1 for line in cart.lines):
        lines = ", ".join(f"{line.quantity} × {money(line.price)}" for line in cart.lines)
        extras.append(gettext("In it: %(lines)s.") % {"lines": lines})
    return {"text": text, "extras": extras, "gains": bool(share.discount or share.gifts or share.points)}


def _budget_bar(offer: Offer) -> SafeString:
    """Committed and reserved money as one bar; only the figure where there is no budget."""

    def money(amount: Decimal) -> str:
        return format_money(amount, offer.currency, get_language() or "")

    def percent(amount: Decimal) -> str:
        return f"{100 * amount / offer.budget:.2f}" if offer.budget else "0"

    context = {
        "committed": money(offer.committed),
        "reserved": money(offer.reserved),
        "used": money(offer.committed + offer.reserved),
        "budget": None if offer.budget is None else money(offer.budget),
        "committed_percent": percent(offer.committed),
        "reserved_percent": percent(offer.reserved),
    }
    return render_to_string("notifications/admin/budget_bar.html", context)
