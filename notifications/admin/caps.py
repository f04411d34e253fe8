"""Frequency caps: a short list that everybody who sends depends on."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from notifications.models import FrequencyCap


@admin.register(FrequencyCap)
class FrequencyCapAdmin(ModelAdmin):
    list_display = ("rule", "shown_channel", "shown_tag", "is_active")
    list_editable = ("is_active",)
    ordering = ("days", "channel", "tag")
    fields = (("maximum", "days"), ("channel", "tag"), "is_active")

    @admin.display(description=_("messages at most"))
    def rule(self, cap: FrequencyCap) -> str:
        return str(cap)

    @admin.display(description=_("channel"))
    def shown_channel(self, cap: FrequencyCap) -> str:
        return cap.get_channel_display() or str(_("all together"))

    @admin.display(description=_("tag"))
    def shown_tag(self, cap: FrequencyCap) -> str:
        return cap.tag or str(_("all campaigns"))
