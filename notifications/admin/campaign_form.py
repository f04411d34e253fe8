"""The form of a campaign: what is impossible is refused at its field."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib.postgres.forms import SimpleArrayField
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from notifications.campaigns.checks import composition_problems
from notifications.models import Campaign


class CampaignForm(forms.ModelForm):
    tags = SimpleArrayField(
        forms.CharField(max_length=50),
        label=_("Tags"),
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=Campaign._meta.get_field("tags").help_text,
    )

    class Meta:
        model = Campaign
        fields = "__all__"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if percent := self.initial.get("hold_out_percent"):
            self.initial["hold_out_percent"] = f"{Decimal(percent).normalize():f}"

    def clean_tags(self) -> list[str]:
        return sorted({tag.strip() for tag in self.cleaned_data["tags"] if tag.strip()})

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        problems = composition_problems(scheduled_at=cleaned.get("scheduled_at"), offer=cleaned.get("offer"))
        for name, problem in problems.items():
            if name in self.fields and {"offer", "scheduled_at"} & set(self.changed_data):
                self.add_error(name, problem)
        return cleaned
