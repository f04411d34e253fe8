"""A campaign again, as a draft."""

from itertools import count
from uuid import uuid4

from django.db import transaction
from django.utils.translation import gettext as _

from notifications.campaigns.history import note_change
from notifications.campaigns.triggers.save import copy_trigger
from notifications.choices import CampaignStatus, ChangeKind
from notifications.models import Campaign
from users.models import User


@transaction.atomic
def clone_campaign(*, campaign: Campaign, user: User | None = None) -> Campaign:
    """A draft with the same audience, offer and variants. It draws its hold-out anew."""
    variants = list(campaign.variants.all())
    copy = Campaign.objects.get(pk=campaign.pk)
    copy.pk = None
    copy._state.adding = True
    copy.name = _free_name(campaign.name)
    copy.status = CampaignStatus.DRAFT
    copy.hold_out_seed = uuid4()
    copy.scheduled_at = None
    copy.created_by = user
    copy.save()
    for variant in variants:
        variant.pk = None
        variant._state.adding = True
        variant.campaign = copy
        variant.save()
    copy_trigger(campaign=campaign, to=copy)
    note_change(campaign=copy, kind=ChangeKind.CREATED, user=user)
    return copy


def _free_name(name: str) -> str:
    for number in count(1):
        suffix = _(" (copy)") if number == 1 else _(" (copy %(number)d)") % {"number": number}
        candidate = name[: 200 - len(suffix)] + suffix
        if not Campaign.objects.filter(name=candidate).exists():
            return candidate
    raise AssertionError  # count() does not end
