import pytest

from notifications.segments import RuleError, validate_rule
from notifications.segments.schema import DEEPEST, MOST_RULES
from tests.factories import OfferFactory, SegmentFactory

ORDERED = {"field": "profile.order_count", "op": ">=", "value": 1}


def faults(rule, name="") -> list[str]:
    with pytest.raises(RuleError) as error:
        validate_rule(rule, name=name)
    return [str(problem) for problem in error.value.problems]


@pytest.mark.parametrize(
    "rule",
    [
        ORDERED,
        {"field": "profile.last_order_at", "op": "older_than_days", "value": 60},
        {"field": "customer.country", "op": "in", "value": ["GB"]},
        {"field": "customer.birth_date", "op": "is_set"},
        {"field": "profile.revenue", "op": "between", "value": ["10.50", 20]},
        {"field": "customer.created_at", "op": "after", "value": "2026-01-31"},
        {"event": "purchase", "count": {">=": 2}, "within_days": 90, "item": {"category": ["tea"], "brand": ["Ash"]}},
        {"event": "view", "never": True},
        {"consent": "email"},
        {"coupon": "unused"},
        {"all": [ORDERED, {"not": {"any": [ORDERED, {"consent": "webpush", "purpose": "profiling"}]}}]},
    ],
)
def test_sound_rules_pass(rule):
    validate_rule(rule)


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ("everyone", 'must be an object such as {"field": …} or {"all": […]}'),
        ({}, "must have exactly one of"),
        ({"all": [ORDERED], "any": [ORDERED]}, "must have exactly one of"),
        ({"all": []}, "all: must be a list of at least one rule"),
        ({"all": [ORDERED, 5]}, "all[1]: must be an object"),
        ({"all": [ORDERED, {"event": "purchase", "within_days": 0}]}, "all[1].within_days: must be a whole number of"),
        ({"not": {"any": [{"field": "age"}]}}, "not.any[0].field: must be one of customer.external_id, "),
        ({"field": "customer.country", "op": ">=", "value": "GB"}, "op: must be one of =, !=, in, not_in"),
        ({"field": "customer.country", "op": "in", "value": "GB"}, "value: must be a list of 1 to"),
        ({"field": "customer.country", "op": "in", "value": ["GB", 7]}, "value[1]: must be a text"),
        ({"field": "customer.country", "op": "=", "value": "G\x00B"}, "value: must be a text"),
        ({"field": "customer.country", "op": "is_set", "value": True}, "value: has no meaning with “is_set”"),
        ({"field": "profile.order_count", "op": ">=", "value": True}, "value: must be a number"),
        ({"field": "profile.order_count", "op": ">=", "value": "NaN"}, "value: must be a number of at most 15"),
        ({"field": "profile.order_count", "op": ">=", "value": 1e300}, "value: must be a number of at most 15"),
        ({"field": "profile.order_count", "op": "between", "value": [5, 1]}, "value: must be two numbers"),
        ({"field": "profile.last_order_at", "op": "before", "value": "soon"}, "value: must be a date such as"),
        ({"field": "profile.last_order_at", "op": "within_days", "value": 1.5}, "value: must be a whole number"),
        ({"field": "profile.order_count", "op": ">=", "value": 1, "x": 2}, "x: is not known beside “field”"),
        ({"event": "teleport"}, "event: must be one of view, search"),
        ({"event": "view", "count": 2}, "count: must be an object such as"),
        ({"event": "view", "count": {">=": -1}}, "count.>=: must be a whole number of at least 0"),
        ({"event": "view", "count": {">=": 0}}, "count: is always true"),
        ({"event": "view", "count": {">": 5, "<": 5}}, "count: can never be true"),
        ({"event": "view", "never": True, "count": {">=": 1}}, "never: must be true, without “count”"),
        ({"event": "view", "item": {"colour": ["red"]}}, "item: must be an object with ids, category, brand"),
        ({"event": "view", "item": {"ids": []}}, "item.ids: must be a list of 1 to"),
        ({"consent": "smoke signals"}, "consent: must be one of email"),
        ({"coupon": "lost"}, "coupon: must be one of unused, redeemed"),
    ],
)
def test_each_fault_is_named_at_its_place_in_the_tree(rule, fault):
    found = faults(rule)
    assert len(found) == 1
    assert found[0].startswith(fault)


def test_all_faults_are_found_at_once():
    assert [fault.split(":")[0] for fault in faults({"all": [{"field": "x"}, {"not": {"event": "y"}}]})] == [
        "all[0].field",
        "all[1].not.event",
    ]


def test_a_rule_has_limits():
    deep = ORDERED
    for _level in range(DEEPEST):
        deep = {"not": deep}
    assert "is too much" in faults(deep)[0]
    assert "is too much" in faults({"all": [ORDERED] * (MOST_RULES + 1)})[0]


@pytest.mark.django_db
def test_names_of_segments_and_offers_must_exist():
    SegmentFactory(name="Loyal")
    OfferFactory(name="Spring")
    validate_rule({"all": [{"segment": "Loyal"}, {"coupon": "redeemed", "offer": "Spring"}]})
    assert faults({"any": [{"segment": "Nobody"}, {"coupon": "unused", "offer": "Autumn"}]}) == [
        "any[0].segment: there is no segment “Nobody”",
        "any[1].offer: there is no offer “Autumn”",
    ]


@pytest.mark.django_db
def test_a_segment_cannot_refer_to_itself_not_even_by_a_detour():
    SegmentFactory(name="A", rule={"not": {"segment": "B"}})
    SegmentFactory(name="B", rule=ORDERED)
    assert faults({"segment": "A"}, name="A") == ["segment: refers back to itself: A → A"]
    assert "refers back to itself: B → A → B" in faults({"all": [{"segment": "A"}]}, name="B")[0]
    SegmentFactory(name="C", rule={"segment": "C"})
    assert "refers back to itself" in faults({"segment": "C"})[0]


@pytest.mark.django_db
def test_a_fault_inside_a_nested_segment_is_named():
    SegmentFactory(name="Old", rule={"all": [{"field": "gone"}]})
    assert faults({"segment": "Old"})[0].startswith("segment: “Old”: all[0].field: must be one of")
