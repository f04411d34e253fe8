"""Campaigns as API clients write them: what cannot be meant is refused at its field."""

from collections import Counter
from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from notifications.campaigns.checks import composition_problems, variant_problems
from notifications.campaigns.compose import save_campaign
from notifications.content.tags import SOURCE_LIMIT
from notifications.models import Campaign, Offer, Segment, Variant
from users.choices import Channel

MOST_VARIANTS = 50


class VariantSerializer(serializers.ModelSerializer[Variant]):
    """One message. E-mail needs `html`, the other channels `body`; both are Liquid."""

    name = serializers.CharField(max_length=50, default="A")
    html = serializers.CharField(max_length=SOURCE_LIMIT, allow_blank=True, default="", trim_whitespace=False)
    body = serializers.CharField(max_length=5000, allow_blank=True, default="")

    class Meta:
        model = Variant
        fields = ("name", "language", "weight", "subject", "preview_text", "html", "body", "url")
        validators: list[Any] = []


class CampaignWriteSerializer(serializers.ModelSerializer[Campaign]):
    segment = serializers.SlugRelatedField(
        slug_field="name", queryset=Segment.objects.all(), help_text="Name of the segment."
    )
    offer = serializers.SlugRelatedField(
        slug_field="name",
        queryset=Offer.objects.all(),
        allow_null=True,
        required=False,
        help_text="Name of the offer.",
    )
    tags = serializers.ListField(child=serializers.CharField(max_length=50), required=False, max_length=50)
    variants = VariantSerializer(many=True, required=False, help_text="Take the place of the messages there are.")

    class Meta:
        model = Campaign
        fields = (
            *("name", "segment", "offer", "channel", "hold_out_percent", "item_count", "item_choice", "tags"),
            *("attribution_days", "scheduled_at", "useful_hours", "is_simulated", "variants"),
        )

    def validate_tags(self, tags: list[str]) -> list[str]:
        return sorted({tag.strip() for tag in tags if tag.strip()})

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        now = {name: attrs.get(name, getattr(self.instance, name, None)) for name in ("offer", "scheduled_at")}
        if now.keys() & attrs.keys() and (problems := composition_problems(**now)):
            raise serializers.ValidationError(problems)
        if "variants" in attrs:
            self._check_variants(attrs)
        return attrs

    def create(self, validated_data: dict[str, Any]) -> Campaign:
        return self._save(Campaign(), validated_data)

    def update(self, instance: Campaign, validated_data: dict[str, Any]) -> Campaign:
        return self._save(instance, validated_data)

    def _save(self, campaign: Campaign, given: dict[str, Any]) -> Campaign:
        variants = given.pop("variants", None)
        for name, value in given.items():
            setattr(campaign, name, value)
        messages = None if variants is None else [Variant(**fields) for fields in variants]
        save_campaign(campaign=campaign, variants=messages)
        return campaign

    def _check_variants(self, attrs: dict[str, Any]) -> None:
        variants = attrs["variants"]
        if len(variants) > MOST_VARIANTS:
            raise serializers.ValidationError({"variants": [_("At most %(n)d variants.") % {"n": MOST_VARIANTS}]})
        for each in variants:
            each.setdefault("name", "A")  # no default is filled in where a part of the campaign is changed
        names = Counter((each["name"], each.get("language", "")) for each in variants)
        held = self.instance.channel if isinstance(self.instance, Campaign) else Channel.EMAIL
        campaign = Campaign(channel=attrs.get("channel", held))
        faults: list[dict[str, list[str]]] = []
        for each in variants:
            fault: dict[str, list[str]] = {}
            for field, problem in variant_problems(Variant(campaign=campaign, **each)):
                fault.setdefault(field, []).append(problem)
            if not each.get("subject"):
                fault["subject"] = [_("Every message needs a subject.")]
            if names[each["name"], each.get("language", "")] > 1:
                fault["name"] = [_("Two variants of one language need different names.")]
            faults.append(fault)
        if any(faults):
            raise serializers.ValidationError({"variants": faults})
