"""Visitors become customers: once, with their whole history, whoever speaks first."""

from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from random import Random

import pytest
from django.db import connection, transaction
from django.db.models import ForeignKey
from django.utils import timezone

from tests.users.tracking import sender, state, track
from users.choices import ApiScope
from users.ingestion.identities import JOINING, NOT_JOINED, identify, merge_customers
from users.models import Customer, Event


def test_joining_knows_every_table_of_the_app_that_refers_to_a_customer():
    referring = {
        f"{model._meta.db_table}.{field.column}"
        for model in Customer._meta.apps.get_app_config("users").get_models()
        for field in model._meta.get_fields()
        if isinstance(field, ForeignKey) and field.related_model is Customer
    }
    assert len(referring) >= 5
    assert referring == JOINING.keys() | NOT_JOINED, "say in JOINING what becomes of these rows when two people are one"


@pytest.mark.parametrize("pairs", [[("a1", "u1")], [("a1", "u1"), ("a1", "u1"), ("a2", "u1")]])
@pytest.mark.django_db
def test_identifying_again_changes_nothing(pairs):
    first = identify(pairs=pairs)
    count = Customer.objects.count()
    assert identify(pairs=pairs) == first
    assert Customer.objects.count() == count
    assert set(first) == {Customer.objects.get(external_id="u1").pk}


@pytest.mark.django_db
def test_a_shared_device_starts_counting_for_whoever_identified_last():
    identify(pairs=[("a1", "u1")])
    identify(pairs=[("a1", "u2")])
    visitor = Customer.objects.get(anonymous_id="a1")
    assert visitor.merged_into.external_id == "u2"


@pytest.mark.django_db
def test_a_late_retry_does_not_give_the_device_back():
    post = sender()
    first = {"type": "identify", "userId": "u1", "anonymousId": "a1", "messageId": "m1"}
    post("batch", {"batch": [first]})
    post("batch", {"batch": [{**first, "userId": "u2", "messageId": "m2"}]})
    post("batch", {"batch": [first]})
    assert Customer.objects.get(anonymous_id="a1").merged_into.external_id == "u2"


@pytest.mark.django_db
def test_chains_of_aliases_stay_flat_and_repeat_without_a_trace():
    identify(pairs=[("a1", "old")])
    for _ in range(2):
        into = merge_customers(previous_id="old", external_id="new")
        merge_customers(previous_id="new", external_id="newest")
    last = Customer.objects.get(external_id="newest")
    assert into == last.pk
    assert set(Customer.objects.exclude(pk=last.pk).values_list("merged_into", flat=True)) == {last.pk}
    assert Customer.objects.count() == 4


@pytest.mark.django_db
def test_two_visitors_and_a_chain_of_aliases_end_with_one_history_in_any_order():
    seen = []
    for order in Random(1).sample(list(permutations(range(5))), 30):
        calls = [
            {**track("Product Viewed", "e1", product_id="p1"), "userId": None, "anonymousId": "a1"},
            {**track("Product Viewed", "e2", product_id="p2"), "userId": None, "anonymousId": "a2"},
            {"type": "identify", "anonymousId": "a1", "userId": "u1", "messageId": "i1"},
            {"type": "alias", "previousId": "a2", "userId": "u1", "messageId": "i2"},
            {"type": "alias", "previousId": "u1", "userId": "u2", "messageId": "i3"},
        ]
        with transaction.atomic():
            post = sender(ApiScope.SERVER)
            for place in order:
                assert post("batch", {"batch": [calls[place]]}).json() == {"success": True}
            held = state()
            seen.append((held["stranded"], [event[:2] for event in held["events"]]))
            transaction.set_rollback(True)
    stranded, events = seen[0]
    assert stranded == 0
    assert [who for _, who in events] == ["u2", "u2"]
    assert all(held == seen[0] for held in seen)


@pytest.mark.django_db
def test_a_public_key_joins_visitors_but_never_two_customers():
    post = sender()
    post("batch", {"batch": [track("Product Viewed", "m1", product_id="p1")]})
    said = [
        {"type": "alias", "previousId": "u1", "userId": "thief", "messageId": "m2"},
        {"type": "alias", "previousId": "a1", "userId": "u1", "messageId": "m3"},
    ]
    refused = post("batch", {"batch": said}).json()["refused"]
    assert [(row["index"], row["reason"]) for row in refused] == [(0, "not_allowed")]
    assert Event.objects.get().customer.external_id == "u1"
    assert sender(ApiScope.SERVER)("batch", {"batch": [{**said[0], "messageId": "m4"}]}).json() == {"success": True}
    assert Event.objects.get().customer.external_id == "thief"


@pytest.mark.django_db
def test_what_a_visitor_said_of_itself_goes_along_and_the_newer_word_holds():
    post = sender()
    visitor = {"type": "identify", "anonymousId": "a1"}
    post("batch", {"batch": [{**visitor, "messageId": "m1", "traits": {"email": "a@example.com", "size": "M"}}]})
    known = {**visitor, "userId": "u1", "messageId": "m2", "traits": {"firstName": "Ann", "size": "L"}}
    post("batch", {"batch": [known]})
    customer = Customer.objects.get(external_id="u1")
    assert (customer.email, customer.first_name, customer.attributes) == ("a@example.com", "Ann", {"size": "L"})
    joined = Customer.objects.get(anonymous_id="a1")
    assert (joined.email, joined.email_hash, joined.attributes) == ("", "", {}), "nothing personal is kept twice"
    post("batch", {"batch": [{**visitor, "messageId": "m3", "traits": {"phone": "+44 1", "size": "XL"}}]})
    customer.refresh_from_db()
    assert (customer.phone, customer.attributes) == ("+44 1", {"size": "XL"})


@pytest.mark.django_db
def test_an_older_description_that_arrives_late_only_fills_gaps():
    post = sender()
    now = timezone.now()
    newer = {"email": "new@example.com", "timestamp": now.isoformat()}
    for number, (day, traits) in enumerate(
        [(20, {"email": "new@example.com"}), (10, {"email": "old@example.com", "firstName": "Ann", "plan": "basic"})]
    ):
        time = now.replace(year=now.year - 1, month=1, day=day).isoformat()
        message = {"type": "identify", "userId": "u1", "messageId": f"m{number}", "traits": traits, "timestamp": time}
        post("batch", {"batch": [message]})
    customer = Customer.objects.get()
    assert customer.email == newer["email"]
    assert (customer.first_name, customer.attributes) == ("Ann", {"plan": "basic"})


@pytest.mark.django_db(transaction=True)
def test_no_event_is_left_behind_while_its_visitor_identifies_itself():
    post = sender()
    visitors = range(12)

    def say(messages):
        answers = [post("batch", {"batch": [message]}).json() for message in messages]
        connection.close()
        return answers

    def view(visitor, number):
        seen = track("Product Viewed", f"{visitor}-{number}", product_id="p1")
        return {**seen, "userId": None, "anonymousId": f"a{visitor}"}

    talks = []
    for visitor in visitors:
        talks.append([view(visitor, number) for number in range(6)])
        talks.append([{"type": "identify", "anonymousId": f"a{visitor}", "userId": "u", "messageId": str(visitor)}])
    with ThreadPoolExecutor(6) as pool:
        answers = [answer for answers in pool.map(say, talks) for answer in answers]
    assert answers == [{"success": True}] * 7 * len(visitors)
    assert Event.objects.filter(customer__external_id="u").count() == 6 * len(visitors)
