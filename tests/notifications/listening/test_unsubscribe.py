import pytest
from django.test import Client

from notifications.choices import MessageState
from notifications.models import Message
from tests.factories import MessageFactory
from users.choices import EventType
from users.models import Consent, Customer, Event

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def provider():
    """A mail provider: no cookies, and CSRF is really checked."""
    return Client(enforce_csrf_checks=True)


def granted():
    return list(Consent.objects.order_by("recorded_at", "pk").values_list("granted", flat=True))


@pytest.mark.parametrize("method", ["get", "head"])
def test_following_the_link_changes_nothing(client, preferences_url, method):
    response = getattr(client, method)(preferences_url)
    assert response.status_code == 200
    assert granted() == [True]
    assert Event.objects.count() == 0


def test_the_page_asks_in_plain_words_and_does_not_show_the_whole_address(client, preferences_url):
    page = client.get(preferences_url).content.decode()
    assert "Unsubscribe from our offers?" in page
    assert "a…@example.com" in page
    assert "ada@example.com" not in page
    assert '<form method="post">' in page


def test_one_click_unsubscribes_without_cookies_and_cancels_what_is_planned(provider, message, preferences_url):
    other = MessageFactory()
    response = provider.post(preferences_url, ONE_CLICK)
    assert response.status_code == 200
    assert granted() == [True, False]
    entry = Consent.objects.last()
    assert (entry.customer_id, entry.source) == (message.customer_id, f"link in message {message.pk}")
    assert dict(Message.objects.values_list("pk", "state")) == {
        message.pk: MessageState.CANCELLED,
        other.pk: MessageState.PLANNED,
    }
    event = Event.objects.get()
    assert (event.type, event.customer_id) == (EventType.UNSUBSCRIBE, message.customer_id)


def test_a_second_post_is_harmless(provider, preferences_url):
    for _ in range(3):
        assert provider.post(preferences_url, ONE_CLICK).status_code == 200
    assert granted() == [True, False]
    assert Event.objects.count() == 1


def test_there_is_a_way_back(client, preferences_url):
    page = client.post(preferences_url, {"action": "unsubscribe"}).content.decode()
    assert "You are unsubscribed" in page
    assert "Subscribe again" in page
    page = client.post(preferences_url, {"action": "subscribe"}).content.decode()
    assert "You are subscribed again" in page
    assert granted() == [True, False, True]
    client.post(preferences_url, {"action": "subscribe"})
    assert granted() == [True, False, True]
    client.post(preferences_url, ONE_CLICK)
    assert granted() == [True, False, True, False]
    assert Event.objects.count() == 2


@pytest.mark.parametrize(
    ("language", "title"),
    [
        ("zh-hans", "不再接收我们的优惠邮件？"),
        ("zh-CN", "不再接收我们的优惠邮件？"),
        ("en", "Unsubscribe from"),
        ("", "Unsubscribe from"),
    ],
)
def test_the_page_speaks_the_customers_language(client, message, preferences_url, language, title):
    Customer.objects.update(language=language)
    assert title in client.get(preferences_url, headers={"accept-language": "fr"}).content.decode()


@pytest.mark.parametrize("method", ["get", "post"])
def test_foreign_tokens_get_a_friendly_page_and_change_nothing(client, message, click_url, method):
    click_token = click_url.rsplit("/", 1)[1]
    for token in ("nonsense", click_token, f"{message.customer_id}-{message.pk}.forged"):
        response = getattr(client, method)(f"/u/{token}/")
        assert response.status_code == 404
        assert "This link does not work" in response.content.decode()
    assert granted() == [True]


def test_the_link_outlives_the_message_but_not_the_customer(client, message, preferences_url):
    Message.objects.all().delete()
    assert client.post(preferences_url, ONE_CLICK).status_code == 200
    assert granted() == [True, False]
    Customer.objects.update(erased_at="2026-01-01T00:00Z")
    assert client.get(preferences_url).status_code == 404
