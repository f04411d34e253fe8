import pytest
from django.core.cache import cache
from django.utils import timezone

from notifications.choices import CampaignStatus, MessageState, RunStatus
from notifications.models import Message
from tests.factories import (
    CampaignFactory,
    ConsentFactory,
    CouponFactory,
    CustomerFactory,
    ItemFactory,
    MessageFactory,
    OfferFactory,
    RecipientFactory,
    RunFactory,
    VariantFactory,
)

HTML = """<html><body><p>Hello {{ customer.first_name }}</p>
{% for item in items %}<a href="{{ item.url }}">{{ item.title }}</a> {{ item.reason }}{% endfor %}
<b>{{ coupon.code }}</b> <a href="{{ shop.url }}">shop</a>
<a href="{{ links.unsubscribe }}">Unsubscribe</a></body></html>"""


@pytest.fixture(autouse=True)
def _no_rest():
    cache.clear()


@pytest.fixture
def run(transactional_db):
    """A run that sends, of a campaign that runs."""
    campaign = CampaignFactory(status=CampaignStatus.RUNNING)
    VariantFactory(campaign=campaign, subject="For {{ customer.first_name }}", html=HTML)
    return RunFactory(campaign=campaign, status=RunStatus.SENDING)


@pytest.fixture
def plan_message(run):
    """A planned message to a customer who can be reached."""
    items = [ItemFactory(url=f"https://shop.example/items/{n}?colour=red") for n in range(2)]
    offer = OfferFactory()

    def plan(*, run=run, consent=True, **fields):
        customer = CustomerFactory(first_name="Zoë", **fields)
        ConsentFactory(customer=customer, granted=consent)
        recipient = RecipientFactory(
            run=run,
            customer=customer,
            variant=run.campaign.variants.get(),
            coupon=CouponFactory(customer=customer, offer=offer, run=run),
            item_ids=[items[0].pk],
            reason_item_ids=[items[1].pk],
        )
        return MessageFactory(recipient=recipient, due_at=timezone.now())

    return plan


@pytest.fixture
def states():
    """The state of every message by its customer's address."""

    def read():
        return {message.customer.email: message.state for message in Message.objects.select_related("customer")}

    return read


@pytest.fixture
def due_again():
    """Back-offs are over."""

    def make():
        Message.objects.filter(state=MessageState.PLANNED).update(due_at=timezone.now())

    return make
