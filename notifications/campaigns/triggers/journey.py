"""How many are on the way through campaigns, and the journey that a campaign is a step of."""

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Count

from notifications.campaigns.triggers.check import MOST_STEPS
from notifications.campaigns.triggers.defaults import trigger_of
from notifications.choices import EnrolmentReason, EnrolmentState, TriggerKind
from notifications.models import Campaign, Enrolment, Trigger


@dataclass(frozen=True)
class Step:
    """One campaign of a journey; `number` counts from 1, and steps that follow the same one share it."""

    number: int
    trigger: Trigger

    @property
    def campaign(self) -> Campaign:
        return self.trigger.campaign


def enrolment_counts(campaign_ids: Collection[int]) -> dict[int, dict[EnrolmentState, int]]:
    """By campaign, how many wait, went on, exited and were dropped; every state has its number."""
    found = {campaign_id: dict.fromkeys(EnrolmentState, 0) for campaign_id in campaign_ids}
    rows = Enrolment.objects.filter(campaign__in=campaign_ids).values_list("campaign", "state").annotate(Count("pk"))
    for campaign_id, state, number in rows.order_by():
        found[campaign_id][EnrolmentState(state)] = number
    return found


def ending_reasons(campaign: Campaign) -> dict[EnrolmentReason, int]:
    """Why enrolments of a campaign ended without a message, the most frequent first."""
    rows = (
        Enrolment.objects.filter(campaign=campaign)
        .exclude(reason="")
        .values_list("reason")
        .annotate(number=Count("pk"))
        .order_by("-number")
    )
    return {EnrolmentReason(reason): number for reason, number in rows}


def journey_of(campaign: Campaign) -> list[Step]:
    """The steps from the first one on, in order; only the campaign itself where it is no journey's step."""
    level = [_first(campaign)]
    steps: list[Step] = []
    for number in range(1, MOST_STEPS + 1):
        steps += [Step(number, trigger) for trigger in level]
        level = list(
            Trigger.objects.filter(kind=TriggerKind.FOLLOW_UP, previous__in=[trigger.campaign_id for trigger in level])
            .select_related("campaign", "previous")
            .order_by("pk")
        )
        if not level:
            break
    return steps


def _first(campaign: Campaign) -> Trigger:
    """The trigger with which the campaign's journey begins."""
    trigger = trigger_of(campaign)
    for _step in range(MOST_STEPS):
        if trigger.kind != TriggerKind.FOLLOW_UP or trigger.previous is None:
            break
        trigger = trigger_of(trigger.previous)
    return trigger
