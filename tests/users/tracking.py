"""Messages of tracking clients, and what the database holds after them."""

import base64
import json

from django.test import Client

from users.api_keys import create_api_key
from users.choices import ApiScope
from users.models import Consent, Customer, Event, Order


def sender(scope=ApiScope.WRITE):
    """A function that posts a body to a call of the tracking API with a fresh key."""
    key = create_api_key(name=f"{scope} key of a test", scope=scope)[1]
    token = base64.b64encode(f"{key}:".encode()).decode()

    def post(call: str, body: object, **headers):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return Client().post(
            f"/v1/{call}", data, content_type="application/json", headers={"Authorization": f"Basic {token}", **headers}
        )

    return post


def track(name: str, message_id: str = "m1", **properties) -> dict:
    return {"type": "track", "event": name, "userId": "u1", "messageId": message_id, "properties": properties}


def who(customer: Customer) -> str:
    person = customer.merged_into or customer
    return person.external_id or f"visitor {person.anonymous_id}"


def state() -> dict:
    """Everything that messages can change, without row ids and times of receipt."""
    people = Customer.objects.select_related("merged_into")
    events = Event.objects.select_related("customer__merged_into", "item")
    return {
        "people": {
            (row.external_id, row.anonymous_id): (who(row), row.email, row.first_name, str(row.attributes))
            for row in people
        },
        "stranded": Event.objects.exclude(customer__merged_into=None).count(),
        "events": sorted(
            (str(row.message_id), who(row.customer), row.type, str(row.item), row.occurred_at, row.price, row.quantity)
            for row in events
        ),
        "orders": sorted(
            (row.external_id, who(row.customer), row.status, row.total, row.refunded, row.placed_at, row.lines.count())
            for row in Order.objects.select_related("customer__merged_into")
        ),
        "consents": {
            (who(row.customer), row.channel, row.purpose): row.granted
            for row in Consent.objects.select_related("customer__merged_into").order_by("recorded_at")
        },
    }
