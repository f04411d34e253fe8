"""Who enters again, who is too late, who goes on: the rules that all triggers share, and journeys."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from notifications.campaigns.clone import clone_campaign
from notifications.campaigns.lifecycle import pause_campaign, resume_campaign, stop_campaign
from notifications.campaigns.triggers.detect import look
from notifications.choices import CampaignStatus, MessageState
from notifications.models import Campaign, Enrolment, Message, Recipient, Run, Trigger
from tests.factories import CustomerFactory, ItemFactory
from tests.notifications.campaigns.triggers.conftest import Shop, planned, ways


@pytest.mark.parametrize(
    ("reentry_days", "expected"), [(0, [1, 2, 3]), (1, [1, 2, 3]), (2, [1, 3]), (30, [1]), (None, [1])]
)
def test_entering_again(shop, reentry_days, expected):
    shop.customer("ann")
    campaign = shop.launch(kind="event", event_type="checkout", wait=0, reentry_days=reentry_days)
    for day in (1, 2, 3):
        shop.event(24 * day, "ann", "checkout")
        shop.turn(24 * day + 0.1)
    days = [round((way.occurred_at - shop.start) / timedelta(days=1)) for way in Enrolment.objects.order_by("pk")]
    assert days == expected
    assert len(planned(campaign)) == len(expected)


def test_looking_again_at_the_same_hour_lets_nobody_enter_twice(shop):
    shop.customer("ann")
    campaign = shop.launch(kind="event", event_type="checkout", wait=0, reentry_days=0)
    shop.event(0.1, "ann", "checkout")
    for minute in range(12, 20):
        shop.turn(minute / 60)
    assert planned(campaign) == ["ann"]


def test_what_arrives_late_is_still_noticed(shop):
    shop.customer("ann")
    campaign = shop.launch(kind="event", event_type="checkout", wait=0)
    shop.turn(0.5)
    shop.event(0.2, "ann", "checkout")  # its batch was on the way
    shop.turn(0.6)
    assert planned(campaign) == ["ann"]


def test_who_is_late_beyond_use_is_dropped_after_a_pause(shop):
    for who in ("ann", "bob"):
        shop.customer(who)
    campaign = shop.launch(kind="event", event_type="checkout", wait=1, useful_hours=5)
    shop.event(0.1, "ann", "checkout")
    shop.turn(0.2)
    pause_campaign(campaign=campaign)
    shop.event(5, "bob", "checkout")
    shop.turn(8)
    resume_campaign(campaign=campaign)
    shop.turn(8.1)
    assert ways(campaign) == [("ann", "dropped", "too_late"), ("bob", "sent", "")]
    assert planned(campaign) == ["bob"]


def test_nobody_enters_before_the_start_or_after_the_end(shop):
    for who in ("ann", "bob", "cat"):
        shop.customer(who)
    starts, ends = shop.start + timedelta(hours=24), shop.start + timedelta(hours=48)
    campaign = shop.launch(
        kind="event", event_type="checkout", wait=1, starts_at=starts.isoformat(), ends_at=ends.isoformat()
    )
    assert campaign.status == CampaignStatus.SCHEDULED
    shop.event(10, "ann", "checkout")
    shop.turn(24)
    shop.event(47.9, "bob", "checkout")
    shop.event(48.1, "cat", "checkout")
    shop.turn(48.2)
    shop.turn(49.1)
    assert planned(campaign) == ["bob"]
    Message.objects.update(state=MessageState.SENT)
    shop.turn(49.5)
    shop.turn(50)
    campaign.refresh_from_db()
    assert campaign.status == CampaignStatus.COMPLETED


def test_who_waits_when_the_campaign_is_stopped_gets_nothing(shop):
    shop.customer("ann")
    campaign = shop.launch(kind="event", event_type="checkout", wait=1)
    shop.event(0.1, "ann", "checkout")
    shop.turn(0.2)
    stop_campaign(campaign=campaign)
    shop.turn(2)
    assert ways(campaign) == [("ann", "dropped", "ended")]


def test_who_may_not_be_written_to_is_dropped(shop):
    CustomerFactory(external_id="ann", country="GB")  # no consent
    campaign = shop.launch(kind="event", event_type="checkout", wait=0)
    shop.event(0.1, "ann", "checkout")
    shop.turn(0.2)
    assert ways(campaign) == [("ann", "dropped", "suppressed")]


@pytest.mark.django_db(transaction=True)
def test_looks_at_once_enrol_everyone_once(transactional_db):
    shop = Shop()
    for number in range(30):
        shop.customer(f"c{number}")
    campaign = shop.launch(kind="event", event_type="checkout", wait=0, reentry_days=0)
    for number in range(30):
        shop.event(0.1, f"c{number}", "checkout")
    trigger = Trigger.objects.get()
    errors = []
    together = threading.Barrier(7)

    def work():
        try:
            together.wait(timeout=60)
            look(trigger_id=trigger.pk, now=shop.start + timedelta(minutes=10))
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert errors == []
    assert Enrolment.objects.filter(campaign=campaign).count() == 30


class TestJourney:
    """An abandoned cart: at once, two days later to who did not click, or at once to who did."""

    @pytest.fixture
    def journey(self, shop):
        first = shop.campaign(name="First", hold_out_percent=30)
        reminder, thanks = shop.campaign(name="Reminder"), shop.campaign(name="Thanks")
        follow = {"kind": "follow_up", "previous": first.pk, "wait_unit": "days"}
        shop.launch(campaign=reminder, condition="not_clicked", wait=2, **follow)
        shop.launch(campaign=thanks, condition="clicked", wait=1, **follow)
        shop.launch(campaign=first, kind="cart_abandoned", wait=1)
        return first, reminder, thanks

    def send(self, shop, hours, campaign):
        with shop.at(hours):
            Message.objects.filter(run__campaign=campaign, state=MessageState.PLANNED).update(
                state=MessageState.SENT, sent_at=timezone.now()
            )

    def test_customers_go_from_step_to_step(self, shop, journey):
        first, reminder, thanks = journey
        item = ItemFactory()
        names = [f"c{number:02}" for number in range(24)]
        for who in names:
            shop.customer(who)
            shop.event(0.5, who, "add_to_cart", item)
        shop.turn(0.6)
        shop.turn(1.6)
        written = planned(first)
        assert 0 < len(written) < len(names)
        self.send(shop, 1.7, first)
        clicked, bought = written[0], written[1]
        Message.objects.filter(customer__external_id=clicked).update(first_clicked_at=timezone.now())
        shop.turn(2)
        shop.order(3, bought, item)
        shop.turn(26)
        assert planned(thanks) == [clicked]
        shop.turn(50)
        assert planned(reminder) == sorted(set(written) - {clicked, bought})
        reasons = {who: reason for who, state, reason in ways(reminder) if state == "exited"}
        assert reasons == {clicked: "condition", bought: "acted"}
        assert Enrolment.objects.filter(campaign=reminder).first().items == [{"item": item.pk, "quantity": None}]

    def test_the_whole_journey_is_withheld_from_the_same_customers(self, shop, journey):
        first, reminder, _thanks = journey
        for number in range(24):
            shop.customer(f"c{number:02}")
            shop.event(0.5, f"c{number:02}", "add_to_cart", ItemFactory())
        shop.turn(0.6)
        shop.turn(1.6)
        self.send(shop, 1.7, first)
        shop.turn(2)
        shop.turn(50)

        def held_out(campaign):
            return set(
                Recipient.objects.filter(run__campaign=campaign, arm="hold_out").values_list("customer", flat=True)
            )

        assert held_out(first)
        assert held_out(first) == held_out(reminder)
        assert not held_out(first) & set(Message.objects.values_list("customer", flat=True))
        reminder.refresh_from_db()
        assert (reminder.hold_out_seed, reminder.hold_out_percent) == (first.hold_out_seed, first.hold_out_percent)

    def test_a_circle_is_refused(self, shop):
        first, second = shop.campaign(), shop.campaign()
        assert shop.set_trigger(second, kind="follow_up", previous=first.pk).status_code == 200
        answer = shop.set_trigger(first, kind="follow_up", previous=second.pk)
        assert (answer.status_code, list(answer.json())) == (400, ["previous"])


def test_a_clone_keeps_the_trigger_and_none_of_its_past(shop):
    campaign = shop.launch(kind="price_drop", percent=25)
    copy = clone_campaign(campaign=campaign)
    assert (copy.trigger.kind, copy.trigger.percent, copy.trigger.looked_until) == ("price_drop", 25, None)
    assert Campaign.objects.get(pk=campaign.pk).trigger.pk != copy.trigger.pk
    assert Run.objects.count() == 0
