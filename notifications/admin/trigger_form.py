"""The form of a trigger: only what its chosen kind needs is asked, checked and kept."""

from typing import Any

from django import forms
from django.db.models import Q
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from notifications.campaigns.triggers.check import trigger_problems
from notifications.campaigns.triggers.defaults import DEFAULT_DAYS, DEFAULT_PERCENT, FIELDS
from notifications.choices import CampaignStatus, TriggerKind
from notifications.models import Campaign, Trigger

_ENDED = (CampaignStatus.COMPLETED, CampaignStatus.STOPPED)

# What the same number means for each kind.
_DAYS: dict[str, str | Promise] = {
    TriggerKind.PRICE_DROP: _("Who showed interest in the item in so many days before."),
    TriggerKind.BACK_IN_STOCK: _("Who showed interest in the item in so many days before."),
    TriggerKind.NEW_ITEM: _("How many days an item counts as new."),
    TriggerKind.WIN_BACK: _("How many days ago their last order was."),
    TriggerKind.BIRTHDAY: _("How many days before the birthday."),
    TriggerKind.POINTS_EXPIRING: _("How many days before they expire."),
    TriggerKind.COUPON_EXPIRING: _("How many days before it expires."),
}
_PERCENT: dict[str, str | Promise] = {
    TriggerKind.PRICE_DROP: _("By how much the price fell, at least."),
    TriggerKind.WIN_BACK: _("Also who is expected to leave with at least this probability. Empty: nobody else."),
    TriggerKind.PARTNER: _("How much of their interest goes to the brand, at least."),
}


class TriggerForm(forms.ModelForm):
    """Values of fields that do not count for the chosen kind are neither checked nor kept."""

    field_order = (
        *("kind", "schedule", "clock", "time_zone", "days", "percent", "at", "brand", "event_type", "event_name"),
        *("tier", "previous", "condition", "wait", "wait_unit", "exit_event", "reentry_days", "useful_hours"),
        *("starts_at", "ends_at", "misfire", "grace"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        open_campaigns = Campaign.objects.exclude(pk=self.instance.campaign_id).exclude(status__in=_ENDED)
        self.fields["previous"].queryset = (  # type: ignore[attr-defined]
            open_campaigns | Campaign.objects.filter(Q(pk=self.instance.previous_id))
        ).order_by("name")
        self.fields["time_zone"].widget.attrs["list"] = "time-zones"
        self.fields["schedule"].widget.attrs["placeholder"] = "0 9 * * 1"

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if "kind" not in cleaned:
            return cleaned
        for name in self.fields.keys() - {"kind", *FIELDS[cleaned["kind"]]}:
            self.errors.pop(name, None)
            cleaned[name] = Trigger._meta.get_field(name).get_default()  # type: ignore[union-attr]
        problems = trigger_problems(Trigger(campaign=self.instance.campaign, **cleaned), now=timezone.now())
        for name, sentences in problems.items():
            if name not in self.errors:
                self.add_error(name, sentences)
        return cleaned


def field_hints() -> dict[str, dict[str, dict[str, str]]]:
    """By field and kind: what a number means, and what holds where it is left empty."""
    meant = {"days": (_DAYS, DEFAULT_DAYS), "percent": (_PERCENT, DEFAULT_PERCENT)}
    return {
        name: {kind: {"text": str(text), "placeholder": str(defaults.get(kind, ""))} for kind, text in meanings.items()}
        for name, (meanings, defaults) in meant.items()
    }
