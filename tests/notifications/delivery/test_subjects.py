"""A triggered message says what it is about."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from notifications.choices import RunStatus
from notifications.delivery.claim import claim_batch
from notifications.delivery.letters import Letters
from tests.factories import (
    ConsentFactory,
    CouponFactory,
    EnrolmentFactory,
    ItemFactory,
    MessageFactory,
    VariantFactory,
)

HTML = """<p>{% for item in trigger.items %}{{ item.title }} x{{ item.quantity }} was {{ item.was }}
now {{ item.price }} {{ item.url }};{% endfor %}{% if trigger.coupon %}use {{ trigger.coupon.code }}{% endif %}</p>"""


@pytest.fixture
def message(db):
    message = MessageFactory(
        recipient__run__status=RunStatus.SENDING, recipient__run__campaign__status="running", due_at=timezone.now()
    )
    ConsentFactory(customer=message.customer)
    message.recipient.variant = VariantFactory(campaign=message.run.campaign, html=HTML)
    message.recipient.save()
    return message


def text(message):
    letters = Letters(message.run)
    (letter,) = letters.load(claim_batch(run=message.run).claims)
    return "".join(letters.render(letter).text)


def test_items_come_with_their_old_price_and_a_tracked_link(message):
    item = ItemFactory(title="Red mug", price=Decimal("15.00"), url="https://shop.example/mug")
    lines = [{"item": item.pk, "quantity": 2, "was": 20.0}, {"item": 0}]
    EnrolmentFactory(campaign=message.run.campaign, customer=message.customer, run=message.run, items=lines)
    said = text(message)
    assert "Red mug x2 was 20.0" in said
    assert "now 15.00 http://testserver/t/c/" in said
    assert message.run.links.filter(item_id=item.pk).count() == 1


def test_a_coupon_that_is_about_to_expire_is_named(message):
    coupon = CouponFactory(customer=message.customer, valid_until=timezone.now() + timedelta(days=3))
    EnrolmentFactory(
        campaign=message.run.campaign, customer=message.customer, run=message.run, details={"coupon": coupon.pk}
    )
    assert f"use {coupon.code}" in text(message)


def test_a_message_that_nothing_triggered_is_about_nothing(message):
    assert "use" not in text(message)
