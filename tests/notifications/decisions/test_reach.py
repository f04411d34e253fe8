"""Who has no address on a channel is not written to; each channel knows where its addresses are."""

import pytest
from django.db import connection
from django.utils import timezone

from notifications.channels import channels, delivery_channel
from notifications.decisions.reach import refusal_sql
from tests.factories import ConsentFactory, CustomerFactory
from users.choices import Channel
from users.models import Device

pytestmark = pytest.mark.django_db


def refusal(customer, channel):
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {refusal_sql(customer='c')} FROM users_customer c WHERE id = %(id)s",
            {"id": customer.pk, "channel": channel, "tags": []},
        )
        return cursor.fetchone()[0]


def test_every_channel_of_the_choices_is_one_folder():
    assert set(channels()) == set(Channel.values)
    with pytest.raises(LookupError, match="pigeon"):
        delivery_channel("pigeon")


@pytest.mark.parametrize("channel", ["webpush", "fcm", "apns"])
def test_a_device_channel_needs_a_live_device_of_its_own_kind(channel):
    customer = CustomerFactory()
    ConsentFactory(customer=customer, channel=channel)
    assert refusal(customer, channel) == "no_address"
    device = Device.objects.create(
        customer=customer, channel=channel, address="t", address_hash="h", last_seen_at=timezone.now()
    )
    assert refusal(customer, channel) is None
    assert refusal(customer, "apns" if channel == "fcm" else "fcm") == "no_address"
    Device.objects.filter(pk=device.pk).update(disabled_at=timezone.now())
    assert refusal(customer, channel) == "no_address"


def test_the_others_write_to_the_customer():
    customer = CustomerFactory(email="", external_id="c1")
    visitor = CustomerFactory(email="", external_id=None, anonymous_id="a1")
    for each in (customer, visitor):
        ConsentFactory(customer=each, channel="inbox")
        ConsentFactory(customer=each, channel="webhook")
    assert refusal(customer, "email") == "no_address"
    assert [refusal(each, "inbox") for each in (customer, visitor)] == [None, None]
    assert [refusal(each, "webhook") for each in (customer, visitor)] == [None, "no_address"]
