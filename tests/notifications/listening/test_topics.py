"""Topics: what customers want to hear of, apart from where; each is wanted until it is refused."""

import pytest

from notifications.choices import CampaignStatus, RunStatus
from notifications.delivery.claim import claim_batch
from notifications.models import Campaign, Message, Run, Topic, TopicRefusal
from tests.factories import ConsentFactory, CustomerFactory, MessageFactory
from users.models import Consent, Customer


@pytest.fixture
def topic(message):
    """A topic that the message's campaign is about."""
    Campaign.objects.update(tags=["new", "spring"], status=CampaignStatus.RUNNING)
    Run.objects.update(status=RunStatus.SENDING)
    return Topic.objects.create(tag="new", name="New arrivals", names={"zh-hans": "新品上架", "de": "Neuheiten"})


def save(client, url, *, on=(), shown):
    return client.post(url, {"action": "save", "on": ["email:marketing", *on], "shown": shown})


@pytest.mark.parametrize(("language", "name"), [("en", "New arrivals"), ("zh-CN", "新品上架"), ("de-AT", "Neuheiten")])
def test_the_page_names_topics_in_the_customers_language(client, topic, preferences_url, language, name):
    Customer.objects.update(language=language)
    page = client.get(preferences_url).content.decode()
    assert name in page
    assert f'value="topic:{topic.pk}" checked' in page


def test_a_refused_topic_is_not_written_about_and_others_are(client, message, topic, preferences_url):
    about_nothing = MessageFactory(recipient__customer=message.customer)
    save(client, preferences_url, shown=[f"topic:{topic.pk}"])
    refusal = TopicRefusal.objects.get()
    assert (refusal.customer_id, refusal.source) == (message.customer_id, f"link in message {message.pk}")
    message.refresh_from_db()
    about_nothing.refresh_from_db()
    assert (message.state, message.error_kind) == ("cancelled", "topic_refused")
    assert about_nothing.state == "planned"
    assert list(Consent.objects.values_list("granted", flat=True)) == [True]
    page = client.get(preferences_url).content.decode()
    assert f'value="topic:{topic.pk}" checked' not in page


def test_it_is_checked_when_a_message_is_claimed(message, topic):
    merged = CustomerFactory(merged_into=message.customer)
    TopicRefusal.objects.create(topic=topic, customer=merged, source="test")
    batch = claim_batch(run=Run.objects.get(pk=message.run_id))
    assert (batch.claims, batch.cancelled) == ([], 1)
    assert Message.objects.get(pk=message.pk).error_kind == "topic_refused"


def test_whoever_refused_another_topic_is_written_to(message, topic):
    other = Topic.objects.create(tag="other", name="Other")
    TopicRefusal.objects.create(topic=other, customer=message.customer, source="test")
    TopicRefusal.objects.create(topic=topic, customer=CustomerFactory(), source="test")
    assert len(claim_batch(run=Run.objects.get(pk=message.run_id)).claims) == 1


def test_a_topic_is_wanted_again(client, message, topic, preferences_url):
    for on in ([], [f"topic:{topic.pk}"], [f"topic:{topic.pk}"]):
        save(client, preferences_url, on=on, shown=[f"topic:{topic.pk}"])
    assert TopicRefusal.objects.count() == 0


def test_a_form_that_is_older_than_a_topic_does_not_refuse_it(client, topic, preferences_url):
    save(client, preferences_url, shown=["topic:x", "topic:999"])
    assert TopicRefusal.objects.count() == 0


def test_topics_are_kept_in_the_admin(admin_client, db):
    form = {"name": "Price drops", "tag": "prices", "translations": "zh-Hans: 降价提醒\n\nde: Preise", "place": 1}
    assert admin_client.post("/admin/notifications/topic/add/", form).status_code == 302
    topic = Topic.objects.get()
    assert topic.names == {"zh-hans": "降价提醒", "de": "Preise"}
    page = admin_client.get(f"/admin/notifications/topic/{topic.pk}/change/").content.decode()
    assert "de: Preise" in page
    refused = admin_client.post("/admin/notifications/topic/add/", form | {"tag": "x", "translations": "nonsense"})
    assert "is not a language and a name" in refused.content.decode()
    ConsentFactory()
    assert "Price drops" in admin_client.get("/admin/notifications/topic/").content.decode()
