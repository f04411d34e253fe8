"""When a campaign runs, said in the admin, up to the message that it plans."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from notifications.choices import CampaignStatus, EnrolmentState
from notifications.models import Enrolment, Run, Trigger
from tests.factories import CampaignFactory, ItemFactory
from tests.notifications.campaigns.triggers.conftest import Shop, planned
from users.choices import EventType


@pytest.fixture
def shop(db):
    return Shop()


def url(name, campaign):
    return reverse(f"admin:notifications_campaign_{name}", args=[campaign.pk])


ANSWERS = {
    "clock": "zone", "misfire": "late", "grace": "60", "wait": "1", "wait_unit": "hours", "at": "09:00",
    "condition": "any", "exit_event": "", "reentry_days": "30", "useful_hours": "48",
}  # fmt: skip


def say(client, campaign, **answers):
    return client.post(url("when", campaign), ANSWERS | answers)


def launch(client, campaign):
    page = client.post(url("launch", campaign), {"confirmed": "1"})
    assert page["Location"] == url("change", campaign)
    campaign.refresh_from_db()
    assert campaign.status != CampaignStatus.DRAFT


def test_a_campaign_that_recurs_is_set_up_and_plans_its_messages(admin_client, shop):
    campaign = shop.campaign()
    with shop.at(0):
        hour = (timezone.now() + timedelta(hours=3)).hour
        answer = say(admin_client, campaign, kind="recurring", schedule=f"0 {hour} * * *", time_zone="UTC")
        assert answer.status_code == 302
        page = admin_client.get(url("when", campaign)).content.decode()
        assert f"Everyone in the segment, every day at {hour:02}:00 (UTC)." in page
        assert page.count("<li>") >= 5
        assert f"{hour:02}:00" in admin_client.get(url("when_panel", campaign)).content.decode()
        launch(admin_client, campaign)
    shop.turn(1)
    assert planned(campaign) == []
    shop.turn(3.5)
    assert planned(campaign) == ["nobody in particular"]
    assert Run.objects.filter(campaign=campaign).count() == 2  # this one, and tomorrow's


def test_a_campaign_that_an_event_triggers_is_set_up_and_plans_its_message(admin_client, shop):
    item, before = ItemFactory(), shop.customer("before")
    shop.customer("ann")
    shop.customer("bob")
    shop.event(-2, "before", "add_to_cart", item)
    campaign = shop.campaign()
    with shop.at(0):
        answer = say(
            admin_client,
            campaign,
            kind="cart_abandoned",
            wait="2",
            exit_event=str(EventType.PURCHASE.value),
            schedule="nonsense",
        )
        assert answer.status_code == 302, answer.context["form"].errors
        panel = admin_client.get(url("when_panel", campaign)).content.decode()
        assert "In the last 7 days 1 customer of the segment would have entered." in panel
        launch_by_count(admin_client, campaign)
    assert Trigger.objects.get().schedule == ""  # it does not count for this kind
    shop.turn(0)
    for who in ("ann", "bob"):
        shop.event(0.5, who, "add_to_cart", item)
    shop.turn(1)
    shop.order(1.5, "bob", item)
    shop.turn(3)
    assert planned(campaign) == ["ann"]
    panel = admin_client.get(url("when_panel", campaign)).content.decode()
    assert "Did meanwhile what ends it 1" in panel
    assert not Enrolment.objects.filter(customer=before).exists()


def launch_by_count(client, campaign):
    campaign.refresh_from_db()
    client.post(url("launch", campaign), {"confirmed": "4"})
    campaign.refresh_from_db()
    assert campaign.status != CampaignStatus.DRAFT


@pytest.mark.parametrize(
    ("answers", "field", "sentence"),
    [
        ({"kind": "recurring"}, "schedule", "Say when it repeats"),
        ({"kind": "recurring", "schedule": "* * * * *"}, "schedule", "more often than once an hour"),
        ({"kind": "recurring", "schedule": "0 9 * * 1", "time_zone": "Mars"}, "time_zone", "no time zone of this name"),
        ({"kind": "partner"}, "brand", "Say which brand"),
        ({"kind": "event"}, "event_type", "Say which event"),
        ({"kind": "follow_up"}, "previous", "Say which campaign"),
        ({"kind": "birthday", "at": "25:00"}, "at", "valid time"),
    ],
)
def test_what_is_impossible_is_refused_at_its_field(admin_client, shop, answers, field, sentence):
    page = say(admin_client, shop.campaign(), **answers)
    assert sentence in str(page.context["form"].errors[field])
    assert sentence in page.content.decode()
    assert not Trigger.objects.exists()


def test_refusals_are_in_chinese_too(admin_client, shop):
    campaign = shop.campaign()
    page = admin_client.post(
        url("when", campaign), ANSWERS | {"kind": "partner"}, headers={"accept-language": "zh-hans"}
    )
    assert "品牌" in str(page.context["form"].errors["brand"])


def test_the_meaning_is_told_before_it_is_saved(admin_client, shop):
    campaign = shop.campaign()
    answers = ANSWERS | {"kind": "recurring", "schedule": "30 8 * * 1", "time_zone": "Asia/Shanghai"}
    page = admin_client.post(url("when", campaign), answers, headers={"hx-request": "true"}).content.decode()
    assert "every Monday at 08:30 (Asia/Shanghai)" in page
    assert "<html" not in page
    assert not Trigger.objects.exists()


def test_after_the_launch_it_is_only_shown(admin_client, shop):
    campaign = shop.launch(kind="cart_abandoned")
    page = admin_client.get(url("when", campaign)).content.decode()
    assert "gets the message after 1 hour." in page
    assert 'name="kind"' not in page
    assert say(admin_client, campaign, kind="once").status_code == 403
    assert Trigger.objects.get().kind == "cart_abandoned"


def test_a_journey_is_shown_in_its_order(admin_client, shop):
    item = ItemFactory()
    shop.customer("ann")
    first = shop.launch(kind="cart_abandoned", campaign=shop.campaign(name="Remember"), exit_event=None)
    second, third = shop.campaign(name="Nudge"), CampaignFactory(name="Last call")
    answer = say(admin_client, second, kind="follow_up", previous=first.pk, wait="2", condition="not_clicked")
    assert answer.status_code == 302
    say(admin_client, third, kind="follow_up", previous=second.pk, wait="3", wait_unit="days")
    shop.event(0.5, "ann", "add_to_cart", item)
    shop.turn(0.6)
    for campaign in (first, second, third):
        steps = admin_client.get(url("when_panel", campaign)).context["steps"]
        assert [step["campaign"] for step in steps] == [first, second, third]
        assert [step["is_current"] for step in steps] == [each == campaign for each in (first, second, third)]
    assert [(state, number) for state, _label, number in steps[0]["counts"]][:2] == [
        (EnrolmentState.WAITING, 1), (EnrolmentState.SENT, 0),
    ]  # fmt: skip
    page = admin_client.get(url("when_panel", third)).content.decode()
    assert "Who did not click the step before" in page
    assert "after 3 days" in page


def test_the_history_tells_what_was_set(admin_client, shop):
    campaign = shop.campaign()
    say(admin_client, campaign, kind="cart_abandoned", wait="2")
    say(admin_client, campaign, kind="cart_abandoned", wait="5")
    page = admin_client.get(url("history", campaign)).content.decode()
    assert "wait" in page
    assert "<del>2</del>" in page


def test_the_page_of_a_campaign_loads_it(admin_client, shop):
    campaign = shop.campaign()
    assert 'hx-get="../when_panel/"' in admin_client.get(url("change", campaign)).content.decode()
    panel = admin_client.get(url("when_panel", campaign)).content.decode()
    assert "Everyone in the segment, once." in panel


def test_who_may_not_look_sees_nothing(client, shop, django_user_model):
    client.force_login(django_user_model.objects.create_user("guest", password="x", is_staff=True))
    campaign = shop.campaign()
    assert client.get(url("when", campaign)).status_code == 403
    assert client.get(url("when_panel", campaign)).status_code == 403
