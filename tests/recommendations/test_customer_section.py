"""What a customer's page in the admin shows of the recommender."""

import pytest
from django.urls import reverse

from tests.factories import CustomerFactory, ItemFactory, RecommendationFactory

pytestmark = pytest.mark.django_db


def test_the_page_names_what_would_be_recommended_and_why(admin_client):
    mug, cup = ItemFactory(title="Blue mug"), ItemFactory(title="Red cup")
    customer = CustomerFactory()
    RecommendationFactory(
        customer=customer, item_ids=[mug.pk], reason_item_ids=[cup.pk], scores=[1.0], bought_before=[True]
    )
    html = admin_client.get(reverse("admin:users_customer_change", args=[customer.pk])).content.decode()
    assert f'<a href="{reverse("admin:catalog_item_change", args=[mug.pk])}">Blue mug</a>' in html
    assert "because of Red cup" in html
    assert "bought before" in html


def test_the_page_of_a_customer_without_anything_shows_none(admin_client):
    customer = CustomerFactory()
    answer = admin_client.get(reverse("admin:users_customer_change", args=[customer.pk]))
    assert answer.status_code == 200
    assert "because of" not in answer.content.decode()
