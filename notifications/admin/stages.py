"""The way of a campaign from the first draft to its report, as the head of its page shows it."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from notifications.choices import CampaignStatus
from notifications.models import Campaign


@dataclass(frozen=True)
class Stage:
    """One step of the way; `url` is relative to the campaign's page, `state` is `done`, `now` or `ahead`."""

    label: str | Promise
    url: str
    state: str


# Label, address, and the statuses in which it is what comes next.
_WAY: tuple[tuple[Any, str, tuple[str, ...]], ...] = (
    (_("Compose"), "#id_name", ()),
    (_("Preview and test"), "../preview/", (CampaignStatus.DRAFT,)),
    (_("Approve"), "#approvals", (CampaignStatus.IN_REVIEW,)),
    (_("Launch"), "../launch/", (CampaignStatus.APPROVED, CampaignStatus.IN_REVIEW)),
    (_("Send"), "#runs", (CampaignStatus.SCHEDULED, CampaignStatus.RUNNING, CampaignStatus.PAUSED)),
    (_("Report"), "../report/", (CampaignStatus.COMPLETED, CampaignStatus.STOPPED)),
)
_APPROVAL = 2


def stages_of(campaign: Campaign) -> list[Stage]:
    """Every step with how far the campaign is; without approvals there is none for them."""
    way = [stage for number, stage in enumerate(_WAY) if settings.CAMPAIGN_APPROVALS or number != _APPROVAL]
    now = next(number for number, (_label, _url, statuses) in enumerate(way) if campaign.status in statuses)
    states = ["done"] * now + ["now"] + ["ahead"] * (len(way) - now - 1)
    reachable = {"#id_name", "../preview/", "../report/"} | ({"../launch/"} if now <= _launch(way) else set())
    return [
        Stage(label, url if state != "ahead" and (url.startswith("#") or url in reachable) else "", state)
        for (label, url, _statuses), state in zip(way, states, strict=True)
    ]


def _launch(way: list[tuple[Any, str, tuple[str, ...]]]) -> int:
    return next(number for number, stage in enumerate(way) if stage[1] == "../launch/")
