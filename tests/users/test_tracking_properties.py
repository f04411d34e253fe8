"""Whatever is sent to the tracking API is answered, and how it is cut, ordered and repeated does not matter."""

import json
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.users.tracking import sender, state

pytestmark = pytest.mark.django_db

CALLS = ["batch", "import", "track", "identify", "page", "screen", "alias", "group"]
ODD_TEXT = [
    *("", " ", "\x00", "\ud800", "😀", "x" * 1000, "1e999", "NaN", "-1", "0001-01-01T00:00:00+14:00", "2099-01-01"),
]
scalars = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.sampled_from(ODD_TEXT)),
    *(st.just(10**400), st.just(-(10**30))),
)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
products = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("product_id", "sku", "variant", "price", "quantity", "currency"), anything)
)
properties = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("order_id", "total", "discount", "currency", "coupon", "rating", "query"), anything),
        **dict.fromkeys(("email", "phone", "name", "birthday", "address", "locale", "url", "price"), anything),
        "product_id": scalars,
        "products": st.lists(products | anything, max_size=3) | anything,
    },
)
contexts = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("userAgent", "device", "locale", "timezone", "campaign", "consent", "ip"), anything)
)
EVENTS = [
    *("Product Viewed", "Product List Viewed", "Checkout Started", "Product Reviewed", "Order Completed"),
    *("Order Updated", "Order Refunded", "Order Cancelled", "Segment Consent Preference Updated", "Odd"),
]
messages = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["track", "identify", "page", "alias", "group"]) | anything,
        "messageId": st.text(min_size=1, max_size=6) | anything,
        "userId": st.sampled_from(["u1", "u2"]) | anything,
    },
    optional={
        "anonymousId": st.sampled_from(["a1", "a2"]) | anything,
        "previousId": st.sampled_from(["a1", "u2"]) | anything,
        "event": st.sampled_from(EVENTS) | anything,
        "properties": properties | anything,
        "traits": properties | anything,
        "context": contexts | anything,
        "timestamp": anything,
        "sentAt": anything,
    },
)
batches = st.fixed_dictionaries({"batch": st.lists(messages | anything, max_size=5)})
NUL_ORDER = {"order_id": "\x00"}
LONG_COUPON = {"order_id": "o", "coupon": "x" * 100, "products": [{"product_id": "p", "price": 1, "variant": "\x00"}]}


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(call=st.sampled_from(CALLS), body=anything | messages | batches)
@example(call="batch", body={"batch": [{"type": "alias", "userId": "u", "previousId": "\x00", "messageId": "m"}]})
@example(call="track", body={"event": "Order Cancelled", "userId": "u", "messageId": "m", "properties": NUL_ORDER})
@example(call="track", body={"event": "Order Completed", "userId": "u", "messageId": "m", "properties": LONG_COUPON})
def test_any_json_is_answered_and_never_with_a_server_error(db, call, body):
    with transaction.atomic():
        post = sender()
        answer = post(call, body)
        assert 200 <= answer.status_code < 500
        transaction.set_rollback(True)


def plausible(now, number, draw):
    """A message of a small world, in which an order and a browser belong to one person each."""
    person = draw(st.integers(0, 2))
    known = draw(st.booleans())
    common = {
        "messageId": f"message-{number}",
        "timestamp": (now - timedelta(days=2) + timedelta(minutes=number)).isoformat(),
        "anonymousId": f"a{person}",
        **({"userId": f"u{person}"} if known else {}),
    }
    order = {"order_id": f"o{person}"}
    lines = st.lists(st.integers(1, 3), min_size=1, max_size=3)

    def sold():
        return [{"product_id": f"p{n}", "price": n, "quantity": quantity} for n, quantity in enumerate(draw(lines))]

    made = {
        "view": lambda: {"event": "Product Viewed", "properties": {"product_id": f"p{number % 3}"}},
        "identify": lambda: {"type": "identify", "traits": {"email": f"e{number}@example.com", "plan": number}},
        "alias": lambda: {"type": "alias", "userId": f"u{person}", "previousId": f"a{person}"},
        "order": lambda: {"event": "Order Completed", "properties": {**order, "products": sold()}},
        "update": lambda: {"event": "Order Updated", "properties": {**order, "products": sold()}},
        "part": lambda: {"event": "Order Refunded", "properties": {**order, "total": draw(st.integers(1, 3))}},
        "refund": lambda: {"event": "Order Refunded", "properties": order},
        "cancel": lambda: {"event": "Order Cancelled", "properties": order},
        "consent": lambda: {
            "event": "Segment Consent Preference Updated",
            "context": {"consent": {"categoryPreferences": {"profiling": draw(st.booleans())}}},
        },
    }
    return {"type": "track", **common, **made[draw(st.sampled_from(sorted(made)))]()}


@st.composite
def shuffled(draw):
    """Messages, and the same messages cut into batches in another order, some of them twice."""
    now = timezone.now()
    said = [plausible(now, number, draw) for number in range(draw(st.integers(1, 9)))]
    again = draw(st.permutations(said + draw(st.lists(st.sampled_from(said), max_size=4))))
    cut = draw(st.integers(0, len(again)))
    return said, [again[:cut], again[cut:]]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=shuffled())
def test_order_repetition_and_cutting_do_not_matter(db, said):
    messages, batches = said
    assert after([messages]) == after(batches)


def after(batches):
    with transaction.atomic():
        post = sender()
        for batch in batches:
            answer = post("batch", {"batch": batch})
            assert answer.json() == {"success": True}, json.dumps(batch)
        held = without_emptied_visitors(state())
        transaction.set_rollback(True)
    return held


def without_emptied_visitors(held):
    """A visitor whose only order turned out to be a customer's stays behind, with nothing.

    Where one batch says both, the visitor is never made: whether there is such a row depends on how batches are cut.
    """
    active = {row[1] for row in held["events"] + held["orders"]} | {name for name, *_ in held["consents"]}
    people = {
        key: said
        for key, said in held["people"].items()
        if said != (f"visitor {key[1]}", "", "", "{}") or said[0] in active
    }
    return held | {"people": people}


@pytest.mark.parametrize("cut", [[[0], [1]], [[1], [0]], [[0, 1]], [[1, 0, 1]], [[0], [1, 0]]])
def test_an_order_is_whose_it_was_said_to_be_last(db, cut):
    then = timezone.now() - timedelta(hours=1)
    bought = {"order_id": "o1", "products": [{"product_id": "p1", "price": 1}]}
    order = {"type": "track", "event": "Order Completed", "anonymousId": "a1", "properties": bought}
    messages = [
        {**order, "messageId": "m1", "timestamp": then.isoformat()},
        {**order, "messageId": "m2", "timestamp": (then + timedelta(minutes=1)).isoformat(), "userId": "u1"},
    ]
    held = after([[messages[place] for place in batch] for batch in cut])
    assert [row[:2] for row in held["orders"]] == [("o1", "u1")]
    assert [row[1] for row in held["events"]] == ["u1"]
    assert list(held["people"]) == [("u1", None)]
