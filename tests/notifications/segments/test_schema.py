import pytest

from notifications.segments import RuleError, validate_rule
from notifications.segments.schema import DEEPEST, MOST_RULES
from tests.factories import CampaignFactory, OfferFactory, SegmentFactory

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
        {"event": "view", "item": {"price": {">=": "10.50", "<=": 20}}},
        {"attribute": "tier", "op": "in", "value": ["gold", 3, True]},
        {"attribute": "size", "op": "between", "value": [1, 2]},
        {"attribute": "size", "op": "is_set"},
        {"orders": "count", "op": "between", "value": [1, 3], "within_days": 30},
        {"orders": "total", "op": ">=", "value": "99.90"},
        {"orders": "last", "op": "older_than_days", "value": 60},
        {"prediction": "churn", "op": ">=", "value": 0.7},
        {"prediction": "expected_value", "op": "between", "value": [5, 50]},
        {"prediction": "purchase", "top_percent": 10},
        {"message": "ignored", "within_days": 30},
        {"field": "profile.favourite_categories", "op": "in", "value": ["tea"]},
        {"field": "profile.active_hours", "op": "mostly_between", "value": [22, 6]},
        {"field": "profile.lifecycle", "op": "in", "value": ["at_risk", "lapsed"]},
        {"field": "customer.phone", "op": "is_set"},
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
        ({"event": "view", "item": {"colour": ["red"]}}, "item: must be an object with ids, category, brand, price"),
        ({"event": "view", "item": {"price": 5}}, "item.price: must be an object such as"),
        ({"event": "view", "item": {"price": {">=": "x"}}}, "item.price.>=: must be a number"),
        ({"event": "view", "item": {"price": {">=": 5, "<=": 1}}}, "item.price: can never be true"),
        ({"event": "view", "item": [["category", "tea"]]}, "item: must be an object"),
        ({"attribute": ""}, "attribute: must be the name"),
        ({"attribute": "a", "op": "=", "value": None}, "value: must be a number"),
        ({"attribute": "a", "op": "in", "value": []}, "value: must be a list"),
        ({"attribute": "a", "op": ">", "value": "much"}, "value: must be a number"),
        ({"attribute": "a", "op": "older_than_days", "value": 1}, "op: must be one of =, !="),
        ({"orders": "returned"}, "orders: must be one of count, total, last"),
        ({"orders": "count", "op": ">=", "value": 1.5}, "value: must be a whole number"),
        ({"orders": "count", "op": ">=", "value": 0}, "value: is always true"),
        ({"orders": "count", "op": "<", "value": 0}, "value: can never be true"),
        ({"orders": "count", "op": "between", "value": 3}, "value: must be a whole number"),
        ({"orders": "last", "op": "is_set", "within_days": 3}, "within_days: has no meaning with “last”"),
        ({"prediction": "fame", "op": ">", "value": 1}, "prediction: must be one of click, cart, purchase, churn"),
        ({"prediction": "churn", "op": ">", "value": 50}, "value: must be a probability from 0 to 1"),
        ({"prediction": "churn", "op": ">", "value": float("nan")}, "value: must be a number of at most 15"),
        ({"prediction": "churn", "top_percent": 0}, "top_percent: must be above 0 and at most 100"),
        ({"prediction": "churn", "top_percent": 5, "op": ">"}, "top_percent: stands alone"),
        ({"message": "forwarded"}, "message: must be one of received, clicked, ignored"),
        ({"field": "profile.lifecycle", "op": "=", "value": "dead"}, "value: must be one of new, active"),
        ({"field": "profile.lifecycle", "op": "in", "value": ["new", "dead"]}, "value[1]: must be one of new, active"),
        ({"field": "profile.active_hours", "op": "mostly_between", "value": [8, 8]}, "value: must be two different"),
        ({"field": "profile.active_hours", "op": "mostly_between", "value": [8, 25]}, "value: must be two different"),
        ({"field": "profile.active_hours", "op": "mostly_between", "value": 8}, "value: must be two different"),
        ({"field": "customer.phone", "op": "=", "value": "1"}, "op: must be one of is_set, is_not_set"),
        ({"field": "profile.revenue", "op": ">=", "value": "1e-400"}, "value: must be a number of at most 15"),
        ({"field": "profile.revenue", "op": ">=", "value": 10**5000}, "value: must be a number"),
        ({"field": "customer.country", "op": "=", "value": "\ud800"}, "value: must be a text"),
        ({"field": "customer.country", "op": "in", "value": ["x"] * 10_001}, "value: must be a list of 1 to 10000"),
        ({"field": ["customer.country"], "op": "="}, "field: must be one of"),
        ({"\ud800": 1, "consent": "email"}, "is not known beside"),
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
def test_names_of_segments_offers_and_campaigns_must_exist():
    SegmentFactory(name="Loyal")
    OfferFactory(name="Spring")
    CampaignFactory(name="Letter")
    sound = [
        {"segment": "Loyal"},
        {"coupon": "redeemed", "offer": "Spring"},
        {"message": "clicked", "campaign": "Letter"},
    ]
    validate_rule({"all": sound})
    wrong = [{"segment": "Nobody"}, {"coupon": "unused", "offer": "Autumn"}, {"message": "ignored", "campaign": "x"}]
    assert faults({"any": wrong}) == [
        "any[0].segment: there is no segment “Nobody”",
        "any[1].offer: there is no offer “Autumn”",
        "any[2].campaign: there is no campaign “x”",
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("name", [None, 5, ["Loyal"], {"a": 1}, "", "\x00", "\ud800", "x" * 1000])
def test_a_name_that_cannot_be_one_is_refused_without_asking_the_database(name, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert faults({"segment": name})[0].startswith("segment: there is no segment")
        assert faults({"coupon": "unused", "offer": name})[0].startswith("offer: there is no offer")
        assert faults({"message": "clicked", "campaign": name})[0].startswith("campaign: there is no campaign")


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
