import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from catalog.models import Item
from recommendations.models import ItemLinks
from recommendations.serving import Rules, known_of, search_items
from tests.factories import CustomerFactory, ItemFactory, RecommendationFactory
from users.api_keys import create_api_key
from users.choices import ApiScope

pytestmark = pytest.mark.django_db


def titles(words, **more):
    return [found.item.title for found in search_items(words=words, count=10, **more)]


@pytest.fixture(autouse=True)
def shop():
    for title in ("Apple iPhone case", "Leather phone case", "Garden hose", "苹果手机壳", "手机充电器", "真皮钱包"):
        ItemFactory(title=title)


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("garden hose", "Garden hose"),
        ("GARDEN", "Garden hose"),
        ("gardn hose", "Garden hose"),
        ("iphone", "Apple iPhone case"),
        ("ihpone case", "Apple iPhone case"),
        ("手机壳", "苹果手机壳"),
        ("钱包", "真皮钱包"),
        ("充电", "手机充电器"),
        ("苹果 手机", "苹果手机壳"),
    ],
)
def test_words_parts_slips_and_chinese_find_the_item(words, first):
    assert titles(words)[0] == first


@pytest.mark.parametrize("words", ["bicycle", "自行车", "'", "\\", "& | !", "<->", "%", "\0", "(", "''"])
def test_what_is_not_there_is_not_found_and_signs_do_no_harm(words):
    assert titles(words) == []


def test_all_words_come_before_some():
    assert titles("phone case")[:2] == ["Leather phone case", "Apple iPhone case"]


def test_a_title_counts_more_than_a_description():
    ItemFactory(title="Rope", description="Hangs any garden hose")
    assert titles("garden hose") == ["Garden hose", "Rope"]


def test_an_item_is_found_as_soon_as_it_is_stored_under_its_new_name():
    item = ItemFactory(title="Umbrella")
    Item.objects.filter(pk=item.pk).update(title="Parasol")
    assert titles("umbrella") == []
    assert titles("parasol") == ["Parasol"]


def test_what_cannot_be_sold_is_not_found_and_rules_hold():
    Item.objects.filter(title="Garden hose").update(stock=0)
    assert titles("garden hose") == []
    Item.objects.filter(title="Leather phone case").update(brand="Acme")
    assert titles("case", rules=Rules(brands=("Acme",))) == ["Leather phone case"]


def test_the_customers_own_taste_decides_among_the_matches():
    apple, leather = (Item.objects.get(title=title) for title in ("Apple iPhone case", "Leather phone case"))
    assert titles("case")[0] == "Apple iPhone case"
    customer = CustomerFactory()
    RecommendationFactory(customer=customer, item_ids=[leather.pk], scored_at=timezone.now())
    assert titles("case", customer=known_of(customer.pk))[0] == "Leather phone case"
    assert set(titles("case", customer=known_of(customer.pk))) == {apple.title, leather.title}


def test_neighbours_of_the_best_matches_fill_up_and_say_so():
    hose, lamp = Item.objects.get(title="Garden hose"), ItemFactory(title="Sprinkler")
    ItemLinks.objects.create(
        item=hose,
        similar_ids=[lamp.pk],
        similarities=[0.4],
        together_ids=[],
        lifts=[],
        orders=[],
        buyers=3,
        computed_at=timezone.now(),
    )
    found = search_items(words="garden hose", count=5)
    assert [(each.item.title, each.related) for each in found] == [("Garden hose", False), ("Sprinkler", True)]


def test_the_index_is_used():
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN SELECT id FROM catalog_item WHERE search_document @@ apropos_query('手机 case', '&')")
        assert "item_search_document" in str(cursor.fetchall())


def test_the_api_finds_for_customers_and_strangers():
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {create_api_key(name='shop', scope=ApiScope.SERVER)[1]}")
    assert client.get("/api/v1/search/", {"q": "garden"}).json()[0]["title"] == "Garden hose"
    assert client.get("/api/v1/search/", {"q": "garden", "customer": "stranger"}).json()[0]["related"] is False
    assert client.get("/api/v1/search/").status_code == 400
    assert client.get("/api/v1/search/", {"q": "garden", "limit": 99}).status_code == 400
