"""A shop whose clock the tests turn: events come in by ingestion, triggers are set by the API, turns plan messages."""

from datetime import timedelta
from decimal import Decimal
from itertools import count

import pytest
import time_machine
from django.utils import timezone
from rest_framework.test import APIClient

from notifications.campaigns.plan import plan_run
from notifications.campaigns.schedule import complete_runs, runs_to_plan, start_due_runs
from notifications.campaigns.triggers.turn import turn_triggers
from notifications.models import Campaign, Enrolment, Message
from tests.factories import CampaignFactory, ConsentFactory, CustomerFactory, SegmentFactory, VariantFactory
from users.api_keys import create_api_key
from users.choices import ApiScope
from users.ingestion import ingest_events, ingest_orders
from users.ingestion.inputs import EventInput, OrderInput, OrderLine
from users.models import Customer

RULE = {"field": "customer.country", "op": "=", "value": "GB"}
_ids = count()


class Shop:
    """Times are hours since its campaigns were launched, an hour before now."""

    def __init__(self) -> None:
        self.start = timezone.now() - timedelta(hours=1)
        _row, key = create_api_key(name="marketer", scope=ApiScope.SERVER)
        self.api = APIClient()
        self.api.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
        self.customer("nobody in particular")  # so that no segment is empty

    def at(self, hours: float):
        """The clock stands at that hour."""
        return time_machine.travel(self.start + timedelta(hours=hours), tick=False)

    def customer(self, name: str, **fields) -> Customer:
        customer = CustomerFactory(external_id=name, **({"country": "GB"} | fields))
        ConsentFactory(customer=customer)
        return customer

    def campaign(self, **fields) -> Campaign:
        segment = fields.pop("segment", None) or SegmentFactory(rule=RULE)
        campaign = CampaignFactory(**({"segment": segment, "item_count": 0, "hold_out_percent": 0} | fields))
        VariantFactory(campaign=campaign)
        return campaign

    def set_trigger(self, campaign: Campaign, **trigger):
        return self.api.put(f"/api/v1/campaigns/{campaign.pk}/trigger/", trigger)

    def launch(self, hours: float = 0, **trigger) -> Campaign:
        """A campaign with this trigger, launched by the API, and open."""
        campaign = trigger.pop("campaign", None) or self.campaign()
        with self.at(hours):
            answer = self.set_trigger(campaign, **trigger)
            assert answer.status_code == 200, answer.json()
            answer = self.api.post(f"/api/v1/campaigns/{campaign.pk}/launch/")
            assert answer.status_code in (201, 202), answer.json()
        self.turn(hours)
        campaign.refresh_from_db()
        return campaign

    def event(self, hours: float, who: str, kind: str, item=None, **fields) -> None:
        with self.at(hours):
            result = ingest_events(
                events=[
                    EventInput(
                        message_id=f"event-{next(_ids)}",
                        type=kind,
                        occurred_at=timezone.now(),
                        customer_id=who,
                        item_id=item.external_id if item else None,
                        **fields,
                    )
                ],
                source="test",
            )
        assert not result.refused

    def order(self, hours: float, who: str, *items) -> None:
        with self.at(hours):
            lines = tuple(OrderLine(item.external_id, 1, Decimal("9.99")) for item in items)
            order = OrderInput(f"order-{next(_ids)}", who, timezone.now(), "GBP", lines)
            assert not ingest_orders(orders=[order], source="test").refused

    def turn(self, hours: float) -> None:
        """One turn of everything, as the scheduler and the workers do it."""
        with self.at(hours):
            turn_triggers()
            start_due_runs()
            for run_id in runs_to_plan():
                plan_run(run_id=run_id)
            complete_runs()


def planned(campaign: Campaign) -> list[str]:
    """Who has a message of the campaign, in order."""
    return sorted(Message.objects.filter(run__campaign=campaign).values_list("customer__external_id", flat=True))


def ways(campaign: Campaign) -> list[tuple[str, str, str]]:
    """Who, state and reason of every enrolment, in the order in which they entered."""
    rows = Enrolment.objects.filter(campaign=campaign).order_by("pk")
    return list(rows.values_list("customer__external_id", "state", "reason"))


@pytest.fixture
def shop(db) -> Shop:
    return Shop()
