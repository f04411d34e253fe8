"""Keeps a trigger with its campaign."""

from django.db import transaction
from django.utils import timezone

from notifications.choices import TriggerKind
from notifications.models import Campaign, Trigger


@transaction.atomic
def save_trigger(*, trigger: Trigger) -> None:
    """Store a checked trigger; a step of a journey takes over the hold-out of the step before."""
    trigger.looked_until = trigger.finished_at = None
    trigger.save()
    join_journey(trigger=trigger)


def join_journey(*, trigger: Trigger) -> None:
    """Hold out the same customers as the step before, so that the whole journey is withheld from them."""
    if trigger.kind != TriggerKind.FOLLOW_UP or trigger.previous_id is None:
        return
    before = Campaign.objects.get(pk=trigger.previous_id)
    Campaign.objects.filter(pk=trigger.campaign_id).update(
        hold_out_seed=before.hold_out_seed, hold_out_percent=before.hold_out_percent, updated_at=timezone.now()
    )


def copy_trigger(*, campaign: Campaign, to: Campaign) -> None:
    """Give the copy of a campaign the same trigger, as if it had never looked."""
    trigger = Trigger.objects.filter(campaign=campaign).first()
    if trigger is not None:
        trigger.pk = None
        trigger._state.adding = True
        trigger.campaign = to
        save_trigger(trigger=trigger)
