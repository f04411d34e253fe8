from urllib.parse import parse_qs, urlsplit

import pytest

from catalog.models import Item
from notifications.listening.tokens import TokenMaker
from notifications.models import Click, Link
from tests.factories import MessageFactory, RunFactory
from users.choices import EventType
from users.models import Event


def test_a_click_leads_to_the_stored_destination_and_counts_once_as_an_event(client, message, link, click_url):
    response = client.get(click_url, headers={"user-agent": "Firefox"})
    assert response.status_code == 302
    parts = urlsplit(response["Location"])
    assert (parts.scheme, parts.netloc, parts.path, parts.fragment) == ("https", "shop.example", "/p", "reviews")
    assert parse_qs(parts.query) == {
        "colour": ["red"],
        "utm_source": ["apropos"],
        "utm_medium": ["email"],
        "utm_campaign": ["we-miss-you"],
    }
    message.refresh_from_db()
    first = message.first_clicked_at
    assert first is not None
    client.get(click_url)
    message.refresh_from_db()
    assert message.first_clicked_at == first
    assert list(Click.objects.values_list("link", "user_agent")) == [(link.pk, "Firefox"), (link.pk, "")]
    event = Event.objects.get()
    assert (event.type, event.customer_id, event.item_id) == (EventType.CLICK, message.customer_id, link.item_id)
    assert event.context["campaign"] == message.run.campaign_id


def test_a_click_without_an_item_is_an_event_too(client, message):
    link = Link.objects.create(run=message.run, url="https://shop.example/")
    url = f"/t/c/{TokenMaker().click(message_id=message.pk, link_id=link.pk)}"
    client.get(url, headers={"user-agent": "Firefox"})
    assert Event.objects.get().item_id is None
    assert Item.objects.count() == 0


@pytest.mark.parametrize("change", ["", "x", "1-1.abc", "..", "%00", "https:%2F%2Fevil.example", "1" * 3000])
def test_what_we_did_not_sign_leads_to_a_friendly_page(client, db, change):
    response = client.get(f"/t/c/{change or 'none'}")
    assert response.status_code == 404
    assert "This link does not work" in response.content.decode()
    assert Click.objects.count() == 0


def test_every_changed_character_of_a_token_is_noticed(client, click_url):
    head, token = click_url.rsplit("/", 1)
    for position in range(len(token)):
        other = "2" if token[position] != "2" else "3"
        assert client.get(f"{head}/{token[:position]}{other}{token[position + 1 :]}").status_code == 404
    assert Click.objects.count() == 0


def test_a_link_of_another_run_or_a_token_for_another_purpose_is_refused(client, message, preferences_url):
    foreign = Link.objects.create(run=RunFactory(), url="https://elsewhere.example/")
    assert client.get(f"/t/c/{TokenMaker().click(message_id=message.pk, link_id=foreign.pk)}").status_code == 404
    assert client.get(f"/t/c/{preferences_url.split('/')[2]}").status_code == 404


def test_a_click_is_not_taken_by_post(client, click_url):
    assert client.post(click_url).status_code == 405


def test_a_customer_without_the_shops_id_still_gets_there(client, link):
    message = MessageFactory(
        recipient__run=link.run, recipient__customer__external_id=None, recipient__customer__anonymous_id="a"
    )
    response = client.get(f"/t/c/{TokenMaker().click(message_id=message.pk, link_id=link.pk)}")
    assert response.status_code == 302
    assert Event.objects.count() == 0


@pytest.mark.parametrize("gone", ["message", "link"])
def test_a_link_to_what_is_gone_leads_to_a_friendly_page(client, message, link, click_url, gone):
    {"message": message, "link": link}[gone].delete()
    response = client.get(click_url, headers={"user-agent": "Firefox"})
    assert response.status_code == 404
    assert "This link does not work" in response.content.decode()
    assert Event.objects.count() == 0
