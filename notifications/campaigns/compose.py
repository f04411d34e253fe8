"""Writing a campaign down: its own fields and its messages, with a line in its history."""

from collections.abc import Sequence

from django.db import transaction

from notifications.campaigns.history import note_change
from notifications.campaigns.moves import illegal_move
from notifications.campaigns.review import settle_review
from notifications.choices import EDITABLE_CAMPAIGN_STATUSES, CampaignStatus, ChangeKind
from notifications.models import Campaign, Variant
from users.models import User


@transaction.atomic
def save_campaign(*, campaign: Campaign, variants: Sequence[Variant] | None, user: User | None = None) -> None:
    """Store a new campaign, or the changes of one that was not launched yet.

    `variants` take the place of the messages there are; None leaves them. Raises IllegalMoveError once it is launched.
    """
    is_new = campaign.pk is None
    if not is_new:
        stored = Campaign.objects.select_for_update(of=("self",)).get(pk=campaign.pk)
        if stored.status not in EDITABLE_CAMPAIGN_STATUSES:
            raise illegal_move(stored, CampaignStatus.DRAFT)
        campaign.status = stored.status
    elif user:
        campaign.created_by = user
    campaign.save()
    if variants is not None:
        campaign.variants.all().delete()
        for variant in variants:
            variant.campaign = campaign
            variant.save()
    note_change(campaign=campaign, kind=ChangeKind.CREATED if is_new else ChangeKind.EDITED, user=user)
    settle_review(campaign=campaign)
