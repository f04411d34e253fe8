"""Random rules over a random shop: the compiled SQL selects whom the words of the rule describe."""

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notifications.segments import compile_rule, explain_rule, validate_rule
from tests.notifications.segments import small_shop as shop_of
from tests.notifications.segments.evaluator import holds

pytestmark = pytest.mark.django_db
EXAMPLES = 400

days = st.sampled_from([1, 7, 30, 90, 365])
windows = st.fixed_dictionaries({}, optional={"within_days": days})
numbers = st.sampled_from([0, 1, 2, 3, "0.25", 10, 20, 30.0])
ranges = st.tuples(numbers, numbers).map(lambda pair: sorted(pair, key=float))
comparisons = st.one_of(
    st.fixed_dictionaries({"op": st.sampled_from(["=", "<", "<=", ">", ">="]), "value": numbers}),
    st.fixed_dictionaries({"op": st.just("between"), "value": ranges}),
)
presence = st.fixed_dictionaries({"op": st.sampled_from(["is_set", "is_not_set"])})
moments = st.one_of(
    presence,
    st.fixed_dictionaries({"op": st.sampled_from(["within_days", "older_than_days"]), "value": days}),
    st.fixed_dictionaries({"op": st.sampled_from(["before", "after"]), "value": st.just("2026-05-16T12:00:00")}),
)


def merged(*parts):
    return st.tuples(*parts).map(lambda dicts: {key: value for part in dicts for key, value in part.items()})


def one(key, *values):
    return st.fixed_dictionaries({key: st.sampled_from(values)})


def texts(values):
    lists = st.lists(st.sampled_from(values), min_size=1, max_size=2)
    return st.one_of(
        presence,
        st.fixed_dictionaries({"op": st.sampled_from(["=", "!="]), "value": st.sampled_from(values)}),
        st.fixed_dictionaries({"op": st.sampled_from(["in", "not_in"]), "value": lists}),
    )


categories = st.lists(st.sampled_from([*shop_of.PARENTS]), min_size=1, max_size=2)
hours = st.tuples(st.integers(0, 23), st.integers(0, 23)).filter(lambda pair: pair[0] != pair[1]).map(list)
fields = st.one_of(
    merged(one("field", "customer.country"), texts(shop_of.COUNTRIES)),
    merged(one("field", "profile.lifecycle"), texts([stage for stage in shop_of.STAGES if stage])),
    merged(one("field", "customer.phone"), presence),
    merged(
        one("field", "profile.order_count", "profile.revenue", "profile.recency_quintile", "profile.discount_affinity"),
        st.one_of(presence, comparisons, st.fixed_dictionaries({"op": st.just("!="), "value": numbers})),
    ).filter(lambda rule: not (rule["op"] == "!=" and isinstance(rule["value"], str))),
    merged(one("field", "profile.last_order_at"), moments),
    merged(
        one("field", "customer.birth_date"),
        st.fixed_dictionaries({"op": st.sampled_from(["before", "after"]), "value": st.just("2000-01-01")}),
    ),
    merged(
        one("field", "profile.favourite_categories"),
        st.one_of(presence, st.fixed_dictionaries({"op": st.sampled_from(["in", "not_in"]), "value": categories})),
    ),
    merged(one("field", "profile.active_hours"), one("op", "mostly_between"), st.fixed_dictionaries({"value": hours})),
)
values = [value for value in shop_of.ATTRIBUTES if value is not None and not isinstance(value, list)]
attributes = merged(
    one("attribute", "tier", "size"),
    st.one_of(
        presence,
        texts(values),
        comparisons.filter(lambda test: test["op"] != "="),
    ),
)
counts = st.one_of(
    st.fixed_dictionaries({"count": st.fixed_dictionaries({">=": st.integers(1, 3)})}),
    st.fixed_dictionaries({"count": st.fixed_dictionaries({"<": st.integers(1, 3)})}),
    st.fixed_dictionaries({"count": st.fixed_dictionaries({"=": st.integers(0, 2)})}),
    st.just({"count": {">": 0, "<=": 2}}),
    st.just({"never": True}),
    st.just({}),
)
prices = st.sampled_from([{">=": 5}, {"<=": "19.99"}, {">=": 10, "<=": 50}])
items = st.fixed_dictionaries(
    {},
    optional={
        "ids": st.lists(st.sampled_from(["item-0", "item-1", "absent"]), min_size=1, max_size=3),
        "category": categories,
        "brand": st.lists(st.sampled_from(["Ash", "Oak"]), min_size=1, max_size=2),
        "price": prices,
    },
)
events = merged(
    one("event", *shop_of.KINDS),
    counts,
    windows,
    st.one_of(st.just({}), items.filter(bool).map(lambda item: {"item": item})),
)
orders = st.one_of(
    merged(one("orders", "last"), moments),
    merged(one("orders", "total"), comparisons, windows),
    merged(
        one("orders", "count"),
        st.sampled_from(
            [
                {"op": ">=", "value": 1},
                {"op": "<", "value": 2},
                {"op": "=", "value": 0},
                {"op": "between", "value": [0, 1]},
            ]
        ),
        windows,
    ),
)
messages = merged(
    one("message", "received", "clicked", "ignored"),
    windows,
    st.fixed_dictionaries({}, optional={"campaign": st.sampled_from(shop_of.CAMPAIGNS)}),
)
coupons = merged(
    one("coupon", "unused", "redeemed"), st.fixed_dictionaries({}, optional={"offer": st.sampled_from(shop_of.OFFERS)})
)
consents = merged(
    one("consent", "email", "webpush"), st.fixed_dictionaries({}, optional={"purpose": st.just("profiling")})
)
predictions = st.one_of(
    merged(one("prediction", "purchase", "churn"), one("op", "=", "<", ">="), one("value", 0, 0.25, "0.5", 1)),
    merged(one("prediction", "expected_value"), comparisons),
    merged(one("prediction", "purchase", "expected_value"), one("top_percent", 10, 25, 33.3, 100)),
)
leaves = st.one_of(
    fields, attributes, events, orders, messages, coupons, consents, predictions, one("segment", "Saved")
)
rules = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda rules: {"all": rules}),
        st.lists(inner, min_size=1, max_size=3).map(lambda rules: {"any": rules}),
        inner.map(lambda rule: {"not": rule}),
    ),
    max_leaves=8,
)

SAVED = {"any": [{"event": "purchase", "count": {">=": 2}}, {"not": {"coupon": "unused"}}]}


def test_compiled_rules_select_whom_they_describe():
    shop = shop_of.make_shop(seed=5, size=60)
    shop_of.keep_segments(shop, {"Saved": SAVED})

    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(rules)
    def agrees(rule):
        validate_rule(rule)
        segment = compile_rule(rule, now=shop_of.NOW)
        with connection.cursor() as cursor:
            cursor.execute(segment.sql, segment.params)
            found = [row[0] for row in cursor.fetchall()]
        wanted = {shopper.id for shopper in shop.shoppers if not shopper.is_gone and holds(rule, shopper, shop)}
        assert len(found) == len(set(found))
        assert set(found) == wanted
        assert explain_rule(rule, "en") != explain_rule(rule, "zh-hans")

    agrees()
