"""docs/segments.md lists what rules can ask, and nothing else; its examples are sound."""

import json
import re
from pathlib import Path

import pytest

from notifications.segments import validate_rule
from notifications.segments.fields import FIELDS, OPERATORS
from notifications.segments.schema import KEYS
from tests.factories import CampaignFactory, OfferFactory, SegmentFactory

TEXT = (Path(__file__).parents[3] / "docs" / "segments.md").read_text()
RULES, FIELDS_TEXT = (TEXT.split(f"## {name}\n")[1].split("\n## ")[0] for name in ("Rules", "Fields"))


def test_every_kind_of_rule_is_described():
    assert set(re.findall(r"^\| `(\w+)` \|", RULES, re.MULTILINE)) == KEYS.keys()


def test_every_field_is_listed_with_its_operators():
    listed = re.findall(r"^\| `([\w.]+)` \| (.+?) \| (.+?) \|$", FIELDS_TEXT, re.MULTILINE)
    assert [(name, what, tuple(re.findall("`(.+?)`", ops))) for name, what, ops in listed] == [
        (name, field.english, OPERATORS[field.kind]) for name, field in FIELDS.items()
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("example", re.findall(r"\| `(\{.+?\})` \|", RULES))
def test_every_example_is_sound(example):
    SegmentFactory(name="Loyal customers")
    OfferFactory(name="Spring")
    CampaignFactory(name="Spring letter")
    inner = json.dumps({"consent": "email"})
    validate_rule(json.loads(re.sub(r"\brule\b(?!\")", inner, example).replace(", …", "")))
