"""A campaign's history in words."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Model
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from notifications.campaigns.history import Difference, Entry, campaign_history
from notifications.choices import CampaignPart, ChangeKind
from notifications.models import Campaign, Offer, Variant

_MODELS: dict[str, type[Model]] = {CampaignPart.OFFER: Offer, "variants": Variant}
_SHOWN = 80  # characters of a value


@dataclass(frozen=True)
class Line:
    """One line of the history; `values` are label, before and after."""

    at: datetime
    who: str
    what: str
    values: list[tuple[str, str, str]]


def history_lines(campaign: Campaign) -> list[Line]:
    """The whole history, the newest first."""
    return [_line(entry) for entry in campaign_history(campaign)]


def _line(entry: Entry) -> Line:
    change = entry.change
    what = str(ChangeKind(change.kind).label)
    if change.part:
        what = _("%(what)s: %(part)s") % {"what": what, "part": CampaignPart(change.part).label}
    who = str(change.user) if change.user else _nobody(change.kind)
    return Line(change.changed_at, who, what, [_value(each) for each in entry.differences])


def _nobody(kind: str) -> str:
    if kind == ChangeKind.EDITED:
        return _("Somebody, in its segment or offer,")
    return _("An edit") if kind == ChangeKind.WITHDRAWN else _("The API")


def _value(difference: Difference) -> tuple[str, str, str]:
    label = _label(difference.path)
    before, after = difference.before, difference.after
    if isinstance(before, str) and isinstance(after, str) and "\n" in before + after:
        return label, "", _line_counts(before, after)
    return label, _text(before), _text(after)


def _label(path: tuple[str, ...]) -> str:
    part, *inside = path
    if inside[:1] == ["variants"]:
        names = [_("Variant %(name)s") % {"name": inside[1]}] if len(inside) > 1 else [_("variants")]
        return " · ".join([*names, *(_field_name(Variant, name) for name in inside[2:])])
    if inside[:1] == ["rules"]:
        return _("segment")
    return " · ".join(_field_name(_MODELS.get(part, Campaign), name) for name in inside) or part


def _field_name(model: type[Model], name: str) -> str:
    fields: dict[str, Any] = {field.attname: field for field in model._meta.concrete_fields}
    return str(fields[name].verbose_name) if name in fields else name


def _text(value: Any) -> str:
    if value in (None, "", [], {}):
        return "—"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return Truncator(text).chars(_SHOWN)


def _line_counts(before: str, after: str) -> str:
    old, new = set(before.splitlines()), set(after.splitlines())
    added, removed = len(new - old), len(old - new)
    return ", ".join(
        [
            ngettext("%(n)d line added", "%(n)d lines added", added) % {"n": added},
            ngettext("%(n)d line removed", "%(n)d lines removed", removed) % {"n": removed},
        ]
    )
