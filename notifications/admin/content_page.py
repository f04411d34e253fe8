"""What the editor of a variant asks for: the gallery of templates, and how what is being typed looks."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin

from notifications.campaigns.checks import variant_problems
from notifications.content.starter import Starter, starters
from notifications.delivery.sample import sample_mail, sample_notice
from notifications.models import Campaign, Offer, Variant
from users.choices import Channel

LANGUAGES = {"en": "English", "zh-hans": "简体中文"}


class _DraftForm(forms.Form):
    """A variant as it stands in the campaign's page; nothing of it need be complete."""

    channel = forms.ChoiceField(choices=Channel.choices)
    offer = forms.ModelChoiceField(Offer.objects.all(), required=False)
    item_count = forms.IntegerField(min_value=0, max_value=20, required=False)
    language = forms.CharField(max_length=16, required=False)
    subject = forms.CharField(max_length=255, required=False)
    preview_text = forms.CharField(max_length=255, required=False)
    html = forms.CharField(required=False, strip=False)
    body = forms.CharField(required=False)


def editor_context() -> dict[str, Any]:
    """Addresses, words and variables for `variant_editor.js` and `field_notes.js`."""
    return {
        "gallery": reverse("admin:notifications_campaign_gallery"),
        "content": reverse("admin:notifications_campaign_content"),
        "glance": reverse("admin:notifications_campaign_glance"),
        "language": "zh-hans" if (get_language() or "").startswith("zh") else "en",
        "languages": LANGUAGES,
        "variables": _variables(),
        "shop": settings.SHOP_NAME,
        "texts": {
            "choose": _("Choose a template"),
            "use": _("Use it"),
            "replace": _("This replaces the subject, the preview text and the HTML. Go on?"),
            "close": _("Close"),
            "language": _("Language"),
            "insert": _("Insert …"),
            "source": _("Edit the HTML"),
            "desktop": _("Desktop"),
            "phone": _("Phone"),
            "light": _("Light"),
            "dark": _("Dark"),
            "subject": _("Without a subject"),
            "sample": _("A sample with items of your catalogue; nothing is sent."),
        },
    }


def _variables() -> list[dict[str, str]]:
    """What can be inserted into a template, with what it stands for; blocks bring their condition along."""
    items = (
        '{% for item in items limit: 4 %}<p><a href="{{ item.url }}">{{ item.title }}</a> '
        "{{ item.price | money: item.currency }} {{ item.reason }}</p>{% endfor %}"
    )
    cart = items.replace("in items", "in trigger.items").replace(" {{ item.reason }}", " × {{ item.quantity }}")
    coupon = (
        "{% if coupon %}<p>{{ coupon.description }}: <b>{{ coupon.code }}</b>, {{ coupon.valid_until | date }}</p>"
        "{% endif %}"
    )
    points = "{% if points.balance > 0 %}<p>{{ points.balance }}</p>{% endif %}"
    rows = (
        (_("First name"), "{{ customer.first_name }}"),
        (_("First name, or “there”"), '{{ customer.first_name | default: "there" }}'),
        (_("Coupon: what it gives"), "{{ coupon.description }}"),
        (_("Coupon: code"), "{{ coupon.code }}"),
        (_("Coupon: last day"), "{{ coupon.valid_until | date }}"),
        (_("First recommended item"), "{{ items[0].title }}"),
        (_("Its price"), "{{ items[0].price | money: items[0].currency }}"),
        (_("First item of the cart, order or price drop"), "{{ trigger.items[0].title }}"),
        (pgettext("variable", "Points"), "{{ points.balance }}"),
        (_("Tier"), "{{ points.tier }}"),
        (_("Name of the shop"), "{{ shop.name }}"),
        (_("Address of the shop"), "{{ shop.url }}"),
        (_("Block: recommended items with reasons"), items),
        (_("Block: coupon"), coupon),
        (_("Block: cart"), cart),
        (_("Block: points"), points),
        (_("Link to unsubscribe"), '<a href="{{ links.unsubscribe }}">' + _("Unsubscribe") + "</a>"),
    )
    return [{"label": label, "text": text} for label, text in rows]


def gallery_view(model_admin: ModelAdmin, request: HttpRequest) -> HttpResponse:
    """The templates of one language, each with a sample of how it looks."""
    _check(model_admin, request)
    asked = request.GET.get("language", "en")
    language = asked if asked in LANGUAGES else "en"
    return JsonResponse({"starters": [_card(each, language) for each in starters(language)]})


def _card(each: Starter, language: str) -> dict[str, str]:
    variant = Variant(
        campaign=Campaign(name=str(each.title), item_count=4, offer=Offer.objects.order_by("-pk").first()),
        language=language,
        subject=each.subject,
        preview_text=each.preview_text,
        html=each.html,
    )
    subject, sample = sample_mail(variant)
    return {
        "key": each.key,
        "title": str(each.title),
        "purpose": str(each.purpose),
        "subject": each.subject,
        "preview_text": each.preview_text,
        "html": each.html,
        "sample_subject": subject,
        "sample": sample,
    }


def content_view(model_admin: ModelAdmin, request: HttpRequest) -> HttpResponse:
    """How a variant looks as it is typed, and its faults by field."""
    _check(model_admin, request)
    form = _DraftForm(request.POST)
    form.is_valid()
    given = form.cleaned_data
    campaign = Campaign(
        channel=given.get("channel") or Channel.EMAIL,
        offer=given.get("offer"),
        item_count=given.get("item_count") or 0,
    )
    parts = {name: given.get(name) or "" for name in ("language", "subject", "preview_text", "html", "body")}
    variant = Variant(campaign=campaign, **parts)
    problems = [{"field": field, "text": text} for field, text in variant_problems(variant)]
    if not variant.is_mail:
        return JsonResponse({"notice": sample_notice(variant), "problems": problems})
    subject, html = sample_mail(variant)
    return JsonResponse({"subject": subject, "html": html, "problems": problems})


def _check(model_admin: ModelAdmin, request: HttpRequest) -> None:
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
