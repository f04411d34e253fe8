"""Segment's own Python client, unmodified, pointed at the running server."""

import pytest
from segment.analytics.client import Client

from users.api_keys import create_api_key
from users.choices import ApiScope
from users.models import Customer, Event

EVENTS = 500


@pytest.mark.parametrize("gzip", [False, True])
def test_everything_that_the_client_queued_arrives_once(live_server, transactional_db, gzip):
    key = create_api_key(name="python client", scope=ApiScope.WRITE)[1]
    errors = []
    client = Client(key, host=live_server.url, gzip=gzip, on_error=lambda error, items: errors.append(error))
    for number in range(EVENTS):
        visitor = f"visitor-{number % 7}"
        client.track(anonymous_id=visitor, event="Product Viewed", properties={"product_id": f"p{number % 20}"})
    for number in range(7):
        client.identify(
            user_id=f"user-{number}", anonymous_id=f"visitor-{number}", traits={"email": f"u{number}@example.com"}
        )
    client.shutdown()
    assert errors == []
    assert Event.objects.count() == EVENTS
    assert Event.objects.filter(customer__external_id__startswith="user-").count() == EVENTS
    assert Customer.objects.get(external_id="user-3").email == "u3@example.com"
