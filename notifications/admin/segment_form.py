"""The form of a segment: its rule is composed by clicking, and can be written as JSON."""

import json
from typing import Any

from django import forms
from django.urls import reverse_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext
from unfold.widgets import UnfoldAdminTextareaWidget

from notifications.models import Segment
from notifications.segments.catalogue import rule_catalogue
from notifications.segments.references import check_segment
from notifications.segments.schema import DEEPEST

NEW_RULE = {"all": [{"orders": "last", "op": "older_than_days", "value": 60}]}

_KEY_ORDER = (
    *("all", "any", "not", "field", "attribute", "orders", "prediction", "op", "event", "message", "consent", "coupon"),
    *("segment", "count", "never", "within_days"),
)
_LINE = 100


class RuleWidget(UnfoldAdminTextareaWidget):
    """A tree of groups and conditions; `rule_builder.js` keeps the text in step with it."""

    template_name = "notifications/admin/rule_builder.html"

    class Media:
        css = {"all": ("notifications/rules.css",)}
        js = (forms.Script("notifications/rule_builder.js", type="module"),)

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        setup = {
            **rule_catalogue(),
            "texts": _texts(),
            "deepest": DEEPEST,
            "suggest": str(reverse_lazy("admin:notifications_segment_suggest")),
        }
        return {**super().get_context(name, value, attrs), "setup": setup}


def _texts() -> dict[str, str]:
    """What the builder itself says."""
    return {
        "all": pgettext("rule", "all of these"),
        "any": pgettext("rule", "at least one of these"),
        "customers": _("Customers who match"),
        "match": _("Match"),
        "not": pgettext("rule", "not"),
        "negate": _("Turn into its opposite"),
        "condition": _("Condition"),
        "group": _("Group"),
        "remove": _("Remove"),
        "removeGroup": _("Remove the group"),
        "what": _("What is asked"),
        "how": _("How it is compared"),
        "value": _("Value"),
        "from": _("From"),
        "to": _("To"),
        "days": _("days"),
        "ever": _("at any time"),
        "window": _("in the last"),
        "when": _("When"),
        "howOften": _("How often"),
        "atLeast": _("at least"),
        "atMost": _("at most"),
        "exactly": _("exactly"),
        "never": _("never"),
        "times": _("times"),
        "items": _("Only certain items"),
        "category": _("Categories"),
        "brand": _("Brands"),
        "ids": _("Items"),
        "price": _("Price"),
        "add": _("Add …"),
        "nothing": _("Nothing found"),
        "empty": _("Add a condition: an empty group selects nobody."),
        "number": _("number"),
        "text": _("text"),
        "yes": _("yes"),
        "no": _("no"),
        "kind": _("Kind of value"),
    }


class RuleDecoder(json.JSONDecoder):
    """Refuses what is nested without end as it refuses other faults: by ValueError."""

    def raw_decode(self, s: str, idx: int = 0) -> tuple[Any, int]:
        try:
            return super().raw_decode(s, idx)
        except RecursionError:
            raise json.JSONDecodeError("nested too deeply", s, idx) from None


class RuleField(forms.JSONField):
    """JSON with one test a line, its keys in the order in which they are read; PostgreSQL keeps neither."""

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else _pretty(value)


def _pretty(value: Any, indent: str = "") -> str:
    if isinstance(value, dict):
        value = {key: value[key] for key in sorted(value, key=_key_rank)}
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or (len(indent + line) <= _LINE and not _is_group(value)):
        return line
    inner = indent + "  "
    if isinstance(value, list):
        return "[\n" + ",\n".join(inner + _pretty(item, inner) for item in value) + f"\n{indent}]"
    members = (f"{inner}{json.dumps(key)}: {_pretty(item, inner)}" for key, item in value.items())
    return "{\n" + ",\n".join(members) + f"\n{indent}}}"


def _is_group(value: dict[str, Any] | list[Any]) -> bool:
    if isinstance(value, list):
        return any(isinstance(item, dict) for item in value)
    return "all" in value or "any" in value


def _key_rank(key: str) -> int:
    return _KEY_ORDER.index(key) if key in _KEY_ORDER else len(_KEY_ORDER)


class SegmentForm(forms.ModelForm):
    rule = RuleField(
        label=gettext_lazy("Rule"),
        initial=NEW_RULE,
        decoder=RuleDecoder,
        widget=RuleWidget(attrs={"rows": 18, "spellcheck": "false", "style": "font-family: monospace"}),
        error_messages={"invalid": gettext_lazy("This is not JSON; look for a missing comma, quote or bracket.")},
    )

    class Meta:
        model = Segment
        fields = ("name", "rule")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if "rule" in cleaned:
            stored = Segment.objects.filter(pk=self.instance.pk).first()
            problems = check_segment(name=cleaned.get("name", ""), rule=cleaned["rule"], segment=stored)
            for field, faults in problems.items():
                self.add_error(field, [str(problem) for problem in faults])
        return cleaned
