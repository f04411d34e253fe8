"""What an offer covers is chosen by name, not by the shop's ids."""

import pytest
from django.urls import reverse

from notifications.models import Offer
from tests.factories import CategoryFactory, ItemFactory
from users.models import User

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


def test_categories_and_items_are_looked_up_by_name(page, live_server, client):
    CategoryFactory(external_id="k1", name="Green tea")
    ItemFactory(external_id="85123A", title="Porcelain teapot", brand="Ash, Elm & Co")
    client.force_login(User.objects.create_superuser("staff", "staff@example.com", "secret"))
    page.context.add_cookies(
        [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}]
    )
    page.goto(live_server.url + reverse("admin:notifications_offer_add"))
    page.get_by_label("Name", exact=False).first.fill("Tea week")
    page.get_by_role("combobox", name="Only these categories").fill("gre")
    page.get_by_role("option", name="Green tea").click()
    page.get_by_role("combobox", name="Not these items").fill("porc")
    page.get_by_role("option", name="Porcelain teapot").click()
    page.get_by_role("combobox", name="Only these brands").fill("elm")
    page.get_by_role("option", name="Ash, Elm & Co").click()
    chips = sorted(page.locator(".rb-chip").all_inner_texts())
    assert chips == [
        "Ash, Elm & Co\n×",
        "Green tea\n×",
        "Porcelain teapot\n×",
    ]
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/notifications/offer/")
    offer = Offer.objects.get()
    brands, items = ["Ash, Elm & Co"], ["85123A"]
    assert offer.scope == {"include": {"categories": ["k1"], "brands": brands}, "exclude": {"items": items}}

    page.goto(live_server.url + reverse("admin:notifications_offer_change", args=[offer.pk]))
    page.locator(".rb-chip", has_text="Green tea").get_by_role("button").click()
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/notifications/offer/")
    offer.refresh_from_db()
    assert offer.scope == {"include": {"brands": brands}, "exclude": {"items": items}}
