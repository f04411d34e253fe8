"""What a campaign consists of, as plain values: what is approved, and what its history compares.

Read from the database, so that two readings differ only when somebody changed something.
"""

import json
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Model

from notifications.choices import CampaignPart
from notifications.models import Campaign, Segment

Parts = dict[str, dict[str, Any]]

SETTINGS = "settings"  # what needs nobody's approval
_OF_THE_MESSAGE = ("channel", "item_count", "item_choice")
_OF_THE_AUDIENCE = ("hold_out_percent", "tags")
_NOT_CHOSEN = frozenset({"status", "campaign_id", "segment_id", "offer_id"})


def campaign_parts(campaign: Campaign) -> Parts:
    """The parts of `campaign` as they are stored, as JSON-able values."""
    stored = Campaign.objects.select_related("segment", "offer").get(pk=campaign.pk)
    own = _fields(stored)
    parts = {
        CampaignPart.MESSAGE: {
            **{name: own.pop(name) for name in _OF_THE_MESSAGE},
            "variants": {str(variant): _fields(variant) for variant in stored.variants.order_by("pk")},
        },
        CampaignPart.AUDIENCE: {
            **{name: own.pop(name) for name in _OF_THE_AUDIENCE},
            "segment": stored.segment.name,
            "rules": _rules(stored.segment),
        },
        CampaignPart.OFFER: _fields(stored.offer) if stored.offer else {},
        SETTINGS: own,
    }
    plain: Parts = json.loads(json.dumps(parts, cls=DjangoJSONEncoder))
    return plain


def _fields(row: Model) -> dict[str, Any]:
    """What somebody chose of a row: counters and time stamps are not editable."""
    return {
        field.attname: field.value_from_object(row)
        for field in row._meta.concrete_fields
        if field.editable and not field.primary_key and field.attname not in _NOT_CHOSEN
    }


def _rules(segment: Segment) -> dict[str, Any]:
    """The rule of the segment and of every one that it refers to, by name."""
    rules: dict[str, Any] = {}
    wanted = {segment.name}
    while wanted:
        found = dict(Segment.objects.filter(name__in=wanted).values_list("name", "rule"))
        rules |= found
        wanted = {name for rule in found.values() for name in _referred(rule)} - rules.keys()
    return rules


def _referred(rule: Any) -> set[str]:
    if isinstance(rule, list):
        return {name for each in rule for name in _referred(each)}
    if not isinstance(rule, dict):
        return set()
    own = {rule["segment"]} if isinstance(rule.get("segment"), str) else set()
    return own.union(*(_referred(value) for value in rule.values()))
