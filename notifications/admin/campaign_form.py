"""The form of a campaign: what is impossible is refused at its field."""

from typing import Any

from django import forms
from django.contrib.postgres.forms import SimpleArrayField
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from notifications.models import Campaign
from notifications.offers.issue import OfferNotIssuableError, coupon_validity


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

    def clean_tags(self) -> list[str]:
        return sorted({tag.strip() for tag in self.cleaned_data["tags"] if tag.strip()})

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        at, offer = cleaned.get("scheduled_at"), cleaned.get("offer")
        if at and "scheduled_at" in self.changed_data and at < timezone.now():
            self.add_error("scheduled_at", _("This moment is over. Choose a later one, or leave it empty: at once."))
        if offer and {"offer", "scheduled_at"} & set(self.changed_data):
            try:
                coupon_validity(offer=offer, issued_at=max(at or timezone.now(), timezone.now()))
            except OfferNotIssuableError as error:
                self.add_error("offer", str(error))
        return cleaned
