"""What pages are shown, as of the moment they ask; PostgreSQL and the scoring process are real."""

import subprocess
import sys
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from catalog.models import Item
from recommendations.models import ItemLinks, Recommendation, Shelf
from recommendations.serving import LinkKind, Rules, known_of, linked_items, recommended_items
from tests.factories import CategoryFactory, ConsentFactory, CustomerFactory, ItemFactory, RecommendationFactory
from users.api_keys import create_api_key
from users.choices import ApiScope, ConsentPurpose
from users.ingestion import EventInput, ingest_events
from users.models import Customer, Event

pytestmark = pytest.mark.django_db


@pytest.fixture
def api():
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {create_api_key(name='shop', scope=ApiScope.SERVER)[1]}")
    return client


def link(item, *similar, together=(), buyers=100):
    return ItemLinks.objects.create(
        item=item,
        similar_ids=[each.pk for each in similar],
        similarities=[0.5] * len(similar),
        together_ids=[each.pk for each in together],
        lifts=[2.0] * len(together),
        orders=[3] * len(together),
        buyers=buyers,
        computed_at=timezone.now(),
    )


def send(customer, item, kind="view", **more):
    """An event that the shop has just sent."""
    name = f"{customer.external_id}-{item.external_id}-{kind}-{timezone.now().isoformat()}"
    event = EventInput(name, kind, timezone.now(), customer.external_id, item_id=item.external_id, **more)
    assert ingest_events(events=[event], source="test").accepted == 1


def ids(shown):
    return [each.item.pk for each in shown]


@pytest.fixture
def shop():
    """Twenty items; a customer with the first ten stored an hour ago; the last item goes with items 15 to 18."""
    items = ItemFactory.create_batch(20)
    customer = CustomerFactory()
    RecommendationFactory(
        customer=customer,
        item_ids=[item.pk for item in items[:10]],
        reason_item_ids=[items[9].pk] * 10,
        scored_at=timezone.now() - timedelta(hours=1),
    )
    link(items[19], *items[15:19])
    return items, customer


def test_without_news_the_stored_order_is_shown(shop):
    items, customer = shop
    assert ids(recommended_items(known_of(customer.pk), count=10)) == [item.pk for item in items[:10]]


@pytest.mark.parametrize(("kind", "most"), [("view", 3), ("add_to_cart", 4)])
def test_an_event_of_a_second_ago_changes_the_answer_and_is_its_reason(api, shop, kind, most):
    items, customer = shop
    address = f"/api/v1/customers/{customer.external_id}/recommendations/"
    before = [row["item_id"] for row in api.get(address).json()]
    event = {
        "message_id": "now",
        "type": kind,
        "occurred_at": timezone.now().isoformat(),
        "customer_id": customer.external_id,
        "item_id": items[19].external_id,
    }
    assert api.post("/api/v1/events/", event, format="json").json()["accepted"] == 1
    after = {row["item_id"]: row for row in api.get(address).json()}
    new = set(after) - set(before)
    assert new <= {item.external_id for item in items[15:19]}
    assert 1 <= len(new) <= most
    assert {after[item]["because_of"] for item in new} == {items[19].external_id}


def test_the_more_telling_event_changes_more(shop):
    items, customer = shop
    other = RecommendationFactory(
        item_ids=[item.pk for item in items[:10]], scored_at=timezone.now() - timedelta(hours=1)
    ).customer
    send(customer, items[19])
    send(other, items[19], "add_to_cart")
    stored = {item.pk for item in items[:10]}
    looked, carted = (set(ids(recommended_items(known_of(each.pk), count=10))) for each in (customer, other))
    assert 0 < len(looked - stored) < len(carted - stored)


def test_what_was_taken_out_of_the_cart_is_no_interest(shop):
    items, customer = shop
    send(customer, items[19], "add_to_cart")
    send(customer, items[19], "remove_from_cart")
    assert ids(recommended_items(known_of(customer.pk), count=10)) == [item.pk for item in items[:10]]


def test_events_that_the_model_knows_already_change_nothing(shop):
    items, customer = shop
    send(customer, items[19])
    Recommendation.objects.update(scored_at=timezone.now() + timedelta(minutes=2))
    assert ids(recommended_items(known_of(customer.pk), count=10)) == [item.pk for item in items[:10]]


def test_nothing_is_learnt_from_whoever_objects_to_profiling(shop):
    items, customer = shop
    send(customer, items[19])
    ConsentFactory(customer=customer, purpose=ConsentPurpose.PROFILING, granted=False)
    assert ids(recommended_items(known_of(customer.pk), count=10)) == [item.pk for item in items[:10]]


def test_what_is_bought_leaves_at_once_also_where_it_is_bought_again(shop):
    items, customer = shop
    assert items[0].is_repurchasable
    send(customer, items[0], "purchase", quantity=1)
    assert items[0].pk not in ids(recommended_items(known_of(customer.pk), count=10))


@pytest.mark.parametrize("change", [{"stock": 0}, {"is_active": False}])
def test_what_cannot_be_sold_leaves_at_once_and_the_list_stays_full(shop, change):
    items, customer = shop
    Item.objects.filter(pk=items[0].pk).update(**change)
    assert ids(recommended_items(known_of(customer.pk), count=9)) == [item.pk for item in items[1:10]]


def test_a_page_takes_two_statements_whatever_the_history(shop, django_assert_num_queries):
    items, customer = shop
    now = timezone.now()
    history = [
        EventInput(f"{n}", "purchase", now - timedelta(days=20 * n), customer.external_id, item.external_id, quantity=1)
        for n, item in enumerate(items[10:])
    ]
    assert ingest_events(events=history, source="test").accepted == 10
    Shelf.objects.create(kind="new", item_ids=[items[18].pk], buyers=[0], computed_at=now)
    with django_assert_num_queries(2):
        recommended_items(known_of(customer.pk), count=10)


def test_what_was_bought_a_year_ago_is_known_as_bought(shop):
    items, customer = shop
    then = timezone.now() - timedelta(days=400)
    event = EventInput("then", "purchase", then, customer.external_id, items[16].external_id, quantity=1)
    assert ingest_events(events=[event], source="test").accepted == 1
    Event.objects.update(received_at=then)
    send(customer, items[19], "add_to_cart")
    shown = {each.item.pk: each.bought_before for each in recommended_items(known_of(customer.pk), count=10)}
    assert shown[items[16].pk]
    assert not shown[items[15].pk]


def test_a_merged_customer_is_answered_as_the_one_it_became_and_an_erased_one_not_at_all(api, shop):
    items, customer = shop
    old = CustomerFactory(merged_into=customer)
    shown = api.get(f"/api/v1/customers/{old.external_id}/recommendations/").json()
    assert [row["item_id"] for row in shown] == [item.external_id for item in items[:10]]
    Customer.objects.filter(pk=customer.pk).update(erased_at=timezone.now())
    for name in (old.external_id, customer.external_id, "nobody", "no%00body"):
        assert api.get(f"/api/v1/customers/{name}/recommendations/").status_code == 404


def test_a_neighbour_that_nobody_buys_twice_is_not_shown_to_its_buyer(shop):
    items, customer = shop
    Item.objects.filter(pk=items[15].pk).update(is_repurchasable=False)
    send(customer, items[15], "purchase", quantity=1)
    Event.objects.update(received_at=timezone.now() - timedelta(days=1))
    send(customer, items[19], "add_to_cart")
    shown = ids(recommended_items(known_of(customer.pk), count=10))
    assert items[16].pk in shown
    assert items[15].pk not in shown


def test_rules_hold_for_every_item_and_what_is_missing_is_filled_up(shop, api):
    items, customer = shop
    parent = CategoryFactory()
    child = CategoryFactory(parent=parent)
    for item in items[8:14]:
        Item.objects.filter(pk=item.pk).update(category=child, brand="Acme", price=Decimal(item.pk % 7 + 1))
    address = f"/api/v1/customers/{customer.external_id}/recommendations/"
    answer = api.get(address, {"category": parent.external_id, "limit": 10}).json()
    assert [row["item_id"] for row in answer][:2] == [item.external_id for item in items[8:10]]
    assert {row["item_id"] for row in answer} == {item.external_id for item in items[8:14]}
    cheap = api.get(address, {"brand": ["Acme", "Other"], "max_price": "3", "limit": 10}).json()
    assert {row["item_id"] for row in cheap} == {
        item.external_id for item in items[8:14] if Item.objects.get(pk=item.pk).price <= 3
    }
    without = api.get(address, {"category": parent.external_id, "exclude": items[8].external_id}).json()
    assert items[8].external_id not in {row["item_id"] for row in without}
    assert api.get(address, {"category": "none"}).json() == []


@pytest.mark.parametrize(
    "wrong",
    [{"limit": "0"}, {"limit": "x"}, {"min_price": "-1"}, {"max_price": "NaN"}, {"diversity": "2"}, {"explore": "no"}],
)
def test_a_parameter_that_makes_no_sense_is_named(api, shop, wrong):
    answer = api.get(f"/api/v1/customers/{shop[1].external_id}/recommendations/", wrong)
    assert answer.status_code == 400
    assert next(iter(wrong)) in str(answer.json())


def test_new_only_leaves_out_what_was_bought_before(shop):
    items, customer = shop
    Recommendation.objects.update(bought_before=[True] * 5 + [False] * 5)
    shown = recommended_items(known_of(customer.pk), count=10, rules=Rules(new_only=True))
    assert ids(shown) == [item.pk for item in items[5:10]]
    assert [each.bought_before for each in recommended_items(known_of(customer.pk), count=10)] == [True] * 5 + [
        False
    ] * 5


def test_diversity_brings_other_categories_forward_and_zero_keeps_the_order(shop):
    items, customer = shop
    first, second = CategoryFactory.create_batch(2)
    Item.objects.filter(pk__in=[item.pk for item in items[:5]]).update(category=first)
    Item.objects.filter(pk__in=[item.pk for item in items[5:10]]).update(category=second)

    def others(diversity):
        shown = recommended_items(known_of(customer.pk), count=4, rules=Rules(diversity=diversity))
        return sum(each.item.category_id == second.pk for each in shown)

    assert others(0.0) == 0
    assert others(0.6) >= 1


def test_a_customer_without_anything_gets_what_is_popular_in_the_country():
    here, there, everywhere = ItemFactory.create_batch(3)
    for country, items in (("", [everywhere, there, here]), ("GB", [here, everywhere])):
        Shelf.objects.create(
            kind="popular",
            country=country,
            item_ids=[item.pk for item in items],
            buyers=[1] * len(items),
            computed_at=timezone.now(),
        )
    british, french = CustomerFactory(country="GB"), CustomerFactory(country="FR")
    assert ids(recommended_items(known_of(british.pk), count=2)) == [here.pk, everywhere.pk]
    assert ids(recommended_items(known_of(french.pk), count=2)) == [everywhere.pk, there.pk]
    assert recommended_items(known_of(british.pk), count=2)[0].because_of is None


def test_every_tenth_place_is_for_an_item_that_hardly_anybody_knows(shop):
    items, customer = shop
    unknown = ItemFactory.create_batch(3)
    Shelf.objects.create(kind="new", item_ids=[item.pk for item in unknown], buyers=[0] * 3, computed_at=timezone.now())
    shown = ids(recommended_items(known_of(customer.pk), count=10))
    assert shown[:9] == [item.pk for item in items[:9]]
    assert shown[9] in {item.pk for item in unknown}
    assert shown == ids(recommended_items(known_of(customer.pk), count=10)), "the same on the same day"
    plain = recommended_items(known_of(customer.pk), count=10, rules=Rules(explore=False))
    assert ids(plain) == [item.pk for item in items[:10]]


def test_similar_items_come_from_customers_and_for_cold_items_from_words(api):
    mug, cup, tea, lamp = (ItemFactory(title=title) for title in ("Blue mug", "Red cup", "Green tea", "Desk lamp"))
    link(mug, cup, tea)
    shown = linked_items(item=mug, kind=LinkKind.SIMILAR, count=2)
    assert ids(shown) == [cup.pk, tea.pk]
    cold = ItemFactory(title="Large blue mug")
    answer = api.get(f"/api/v1/items/{cold.external_id}/similar/").json()
    assert answer[0]["item_id"] == mug.external_id
    assert lamp.external_id not in {row["item_id"] for row in answer}
    Item.objects.filter(pk=cup.pk).update(stock=0)
    assert ids(linked_items(item=mug, kind=LinkKind.SIMILAR, count=2))[0] == tea.pk


def test_items_bought_together_carry_their_lift(api):
    mug, tea = ItemFactory.create_batch(2)
    link(mug, together=[tea])
    address = f"/api/v1/items/{mug.external_id}/similar/"
    assert api.get(address, {"kind": "bought_together"}).json() == [
        api.get(address, {"kind": "bought_together"}).json()[0] | {"item_id": tea.external_id, "lift": 2.0, "orders": 3}
    ]
    assert api.get(f"/api/v1/items/{tea.external_id}/similar/", {"kind": "bought_together"}).json() == []
    assert api.get(address, {"kind": "magic"}).status_code == 400
    assert api.get("/api/v1/items/nothing/similar/").status_code == 404


def test_web_workers_do_not_load_torch():
    code = (
        "import django, sys; django.setup(); import config.urls; from recommendations import serving;"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
