"""The messages of a campaign: composed from a template, looked at while they are written."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.forms import BaseInlineFormSet, ModelForm
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from unfold.admin import StackedInline

from notifications.campaigns.checks import variant_problems
from notifications.choices import EDITABLE_CAMPAIGN_STATUSES
from notifications.content.starter import starter
from notifications.delivery.sample import sample_mail, sample_notice
from notifications.models import Variant
from users.choices import Channel


class VariantForm(ModelForm):
    """Asks for what the campaign's channel needs, and refuses a template that cannot be used, at its field."""

    def has_changed(self) -> bool:
        """The first message of a new campaign is kept as it was proposed, too."""
        return super().has_changed() or (self.instance.pk is None and not self.empty_permitted)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name in ("subject", "preview_text", "html", "body"):
            setattr(self.instance, name, cleaned.get(name, ""))
        for name, problem in variant_problems(self.instance):
            self.add_error(name if name in self.fields else None, problem)
        return cleaned


class VariantFormSet(BaseInlineFormSet):
    """Lets every form know the campaign that is being written, which decides what a message needs."""

    def _construct_form(self, i: int, **kwargs: Any) -> Any:
        form = super()._construct_form(i, **kwargs)  # type: ignore[misc]
        form.instance.campaign = self.instance
        return form


class VariantInline(StackedInline):
    model = Variant
    form = VariantForm
    formset = VariantFormSet
    verbose_name_plural = _("Message")
    extra = 0
    min_num = 1
    readonly_fields = ("preview",)
    compressed_fields = False

    @admin.display(description=_("looks like"))
    def preview(self, variant: Variant) -> SafeString | str:
        """As last saved: the mail, shut off from the admin by a sandbox without scripts; or the notice.

        What can still be written is shown by `variant_editor.js` instead, as it is typed.
        """
        if variant.pk is None or variant.campaign.status in EDITABLE_CAMPAIGN_STATUSES:
            return format_html("<div data-look>{}</div>", "—")
        if not variant.is_mail:
            context = {**sample_notice(variant), "shop_name": settings.SHOP_NAME}
            return render_to_string("notifications/admin/notice_preview.html", context)
        return format_html('<iframe class="ap-mail" sandbox title="{}" srcdoc="{}"></iframe>', *sample_mail(variant))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        # `variant_fields.js` shows those of the chosen channel.
        own: tuple[str, ...] = ("preview_text", "html", "body", "url")
        if not self._may_edit(request, obj):
            own = ("preview_text",) if obj.channel == Channel.EMAIL else ("body", "url")
        return ("subject", *own, "preview", ("name", "language", "weight"))

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        formset = super().get_formset(request, obj, **kwargs)
        ready = starter(language=get_language() or "en")
        for name in ("subject", "preview_text", "html"):
            if field := formset.form.base_fields.get(name):
                field.initial = getattr(ready, name)
        return formset

    def _may_edit(self, request: HttpRequest, obj: Any) -> bool:
        allowed: bool = super().has_change_permission(request, obj)
        return allowed and (obj is None or obj.status in EDITABLE_CAMPAIGN_STATUSES)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may_edit(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may_edit(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may_edit(request, obj)
