"""Which segments name what: another segment, an offer, a campaign."""

from collections.abc import Collection

from django.db import connection
from django.db.models import BooleanField, Func, JSONField, Value
from django.utils.translation import gettext as _

from notifications.models import Segment
from notifications.segments.schema import RuleError, RuleProblem, validate_rule


def referring_segments(*, name: str, key: str = "segment") -> list[str]:
    """Names of the segments whose rule has `{key: name}` anywhere; `key` is `segment`, `offer` or `campaign`."""
    refers = Func(
        "rule",
        Value(f"$.** ? (@.{key} == $name)"),
        Value({"name": name}, output_field=JSONField()),
        function="jsonb_path_exists",
        template="%(function)s(%(expressions)s)",
        output_field=BooleanField(),
    )
    return list(
        Segment.objects.annotate(refers=refers).filter(refers=True).order_by("name").values_list("name", flat=True)
    )


def uses_of(segment: Segment, *, except_for: Collection[str] = ()) -> list[str]:
    """What keeps a segment from being deleted, in words; the segments named in `except_for` do not."""
    segments = [name for name in referring_segments(name=segment.name) if name not in {segment.name, *except_for}]
    campaigns = segment.campaigns.order_by("name").values_list("name", flat=True)
    return [
        *(_("the segment “%(name)s”") % {"name": name} for name in segments),
        *(_("the campaign “%(name)s”") % {"name": name} for name in campaigns),
    ]


def check_segment(*, name: str, rule: object, segment: Segment | None = None) -> dict[str, list[RuleProblem]]:
    """What is wrong with a segment that is about to be saved as `name` with `rule`, by field; `segment` is the stored.

    Call it in the transaction that saves: until that ends nobody else may, so that no two of them close a circle.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('segment_rules'))")
    problems: dict[str, list[RuleProblem]] = {}
    try:
        validate_rule(rule, name=name)
    except RuleError as error:
        problems["rule"] = error.problems
    if segment is not None and segment.name != name:
        referring = [other for other in referring_segments(name=segment.name) if other != segment.name]
        if referring:
            message = _("It is used under this name by: %(names)s.") % {"names": ", ".join(referring)}
            problems["name"] = [RuleProblem("", message)]
    return problems
