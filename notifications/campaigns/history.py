"""Who changed what of a campaign, and when. Each entry keeps all parts, so any two can be compared."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from notifications.campaigns.parts import campaign_parts
from notifications.choices import ChangeKind
from notifications.models import Campaign, CampaignChange
from users.models import User


@dataclass(frozen=True)
class Difference:
    """One value that changed; `path` leads to it: part, field, and what is inside that."""

    path: tuple[str, ...]
    before: Any
    after: Any


@dataclass(frozen=True)
class Entry:
    """One line of the history with what changed since the one before it."""

    change: CampaignChange
    differences: list[Difference]


def note_change(*, campaign: Campaign, kind: ChangeKind, user: User | None = None, part: str = "") -> None:
    """Add a line to the history. What somebody changed elsewhere since the last line, a segment or an offer, gets its
    own line first.
    """
    content = campaign_parts(campaign)
    last = campaign.changes.order_by("-pk").values_list("content", flat=True).first()
    if kind == ChangeKind.EDITED and content == last:
        return
    if last is not None and content != last and kind != ChangeKind.EDITED:
        campaign.changes.create(kind=ChangeKind.EDITED, content=content)
    campaign.changes.create(kind=kind, user=user, part=part, content=content)


def campaign_history(campaign: Campaign) -> list[Entry]:
    """The lines of the history, the newest first."""
    changes = list(campaign.changes.select_related("user").order_by("pk"))
    entries = [Entry(change, []) for change in changes[:1]]
    entries += [Entry(later, differences(earlier.content, later.content)) for earlier, later in pairwise(changes)]
    return entries[::-1]


def differences(before: Any, after: Any, path: tuple[str, ...] = ()) -> list[Difference]:
    """Every value in which two JSON values differ; a rule of a segment counts as one value."""
    if before == after:
        return []
    inside = isinstance(before, dict) and isinstance(after, dict) and "rules" not in path
    if not inside:
        return [Difference(path, before, after)]
    names = [*before, *(name for name in after if name not in before)]
    return [each for name in names for each in differences(before.get(name), after.get(name), (*path, name))]
