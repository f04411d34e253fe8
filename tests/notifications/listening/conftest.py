import pytest

from notifications.listening.tokens import TokenMaker
from notifications.models import Link
from tests.factories import ConsentFactory, ItemFactory, MessageFactory


@pytest.fixture
def message(db):
    message = MessageFactory(
        recipient__run__campaign__name="We miss you!", recipient__customer__email="ada@example.com"
    )
    ConsentFactory(customer=message.customer)
    return message


@pytest.fixture
def link(message):
    item = ItemFactory()
    return Link.objects.create(run=message.run, url="https://shop.example/p?colour=red#reviews", item_id=item.pk)


@pytest.fixture
def click_url(message, link):
    return f"/t/c/{TokenMaker().click(message_id=message.pk, link_id=link.pk)}"


@pytest.fixture
def preferences_url(message):
    return f"/u/{TokenMaker().unsubscribe(customer_id=message.customer_id, message_id=message.pk)}/"
