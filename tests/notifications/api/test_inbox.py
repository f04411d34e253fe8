"""The in-app inbox: delivered once, listed to its customer, read and dismissed."""

from datetime import timedelta

import pytest
from django.utils import timezone

from notifications.channels.base import Mailing, Notice
from notifications.channels.inbox.channel import InboxChannel
from notifications.models import InboxMessage
from tests.factories import CustomerFactory, MessageFactory

pytestmark = pytest.mark.django_db


def deliver(*messages, **options):
    notices = [
        Notice(
            message_id=message.pk,
            customer_id=message.customer_id,
            addresses=InboxChannel.addresses([message.customer_id])[message.customer_id],
            title="For you",
            body="Two mugs",
            url="https://shop.example/t/c/1",
            **options,
        )
        for message in messages
    ]
    with InboxChannel(Mailing(run_id=1, campaign_id=1, token="t")) as channel:
        return list(channel.deliver(iter(notices)))


@pytest.fixture
def message():
    return MessageFactory(recipient__customer__external_id="ada", channel="inbox")


def listed(api, customer="ada"):
    return api.get("/api/v1/inbox/", {"customer_id": customer}).json()["results"]


def test_a_message_is_delivered_once_however_often_it_is_tried(api, message):
    for _ in range(2):
        [receipt] = deliver(message)
        assert receipt.error is None
    [row] = listed(api)
    assert (row["title"], row["body"], row["url"], row["read_at"]) == (
        *("For you", "Two mugs"),
        *("https://shop.example/t/c/1", None),
    )


def test_nobody_sees_anothers_and_unknown_customers_have_none(api, message):
    CustomerFactory(external_id="bob")
    deliver(message)
    assert listed(api, "bob") == listed(api, "nobody") == []
    assert api.get("/api/v1/inbox/").status_code == 400


def test_reading_counts_once_and_dismissing_takes_it_off(api, message):
    deliver(message)
    path = f"/api/v1/inbox/{InboxMessage.objects.get().pk}"
    first = api.post(f"{path}/read/").json()["read_at"]
    assert first is not None
    assert api.post(f"{path}/read/").json()["read_at"] == first
    assert len(listed(api)) == 1
    for _ in range(2):
        assert api.post(f"{path}/dismiss/").status_code == 200
    assert listed(api) == []


def test_what_expired_is_not_listed(api, message):
    deliver(message, ttl=timedelta(hours=1))
    InboxMessage.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert listed(api) == []
