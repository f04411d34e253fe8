from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from notifications.choices import CampaignStatus, MessageState, RunStatus
from notifications.models import Campaign, FrequencyCap, Message, Run, Suppression
from tests.factories import (
    CampaignFactory,
    ConsentFactory,
    CustomerFactory,
    ItemFactory,
    MessageFactory,
    OfferFactory,
    OrderFactory,
    RecipientFactory,
    RecommendationFactory,
    RunFactory,
    SegmentFactory,
    VariantFactory,
)
from users.encryption import lookup_hash
from users.models import User


@pytest.fixture
def campaign(db):
    segment = SegmentFactory(rule={"field": "customer.country", "op": "=", "value": "GB"})
    campaign = CampaignFactory(name="We miss you", segment=segment, offer=OfferFactory(), hold_out_percent=0)
    VariantFactory(campaign=campaign)
    item = ItemFactory()
    for _ in range(3):
        customer = CustomerFactory(country="GB")
        ConsentFactory(customer=customer)
        RecommendationFactory(customer=customer, item_ids=[item.pk])
    return campaign


@pytest.fixture
def reader(client, db):
    """Staff who may look and edit, but not send."""
    user = User.objects.create_user("reader", password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_campaign", "change_campaign"]))
    client.force_login(user)
    return client


def url(name, campaign):
    return reverse(f"admin:notifications_campaign_{name}", args=[campaign.pk])


def test_launching_asks_first_and_says_how_many(admin_client, campaign):
    page = admin_client.get(url("launch", campaign)).content.decode()
    assert "You are about to send 3 messages." in page
    assert "If every coupon is used, they cost £15.00." in page
    assert Run.objects.count() == 0
    for typed in ("", "three", "2"):
        again = admin_client.post(url("launch", campaign), {"confirmed": typed}).content.decode()
        assert "It would be sent to 3 customers now." in again
        assert Run.objects.count() == 0
    response = admin_client.post(url("launch", campaign), {"confirmed": " 3 "})
    assert response["Location"] == url("change", campaign)
    run = Run.objects.get()
    assert run.launched_by.username == "admin"
    assert Campaign.objects.get().status == CampaignStatus.SCHEDULED


def test_a_campaign_that_is_not_ready_cannot_be_launched(admin_client, campaign):
    campaign.variants.update(html="<p>{{ customer.firstname }}</p>")
    page = admin_client.get(url("launch", campaign)).content.decode()
    assert "Before it can be launched" in page
    assert "customer.firstname" in page
    response = admin_client.post(url("launch", campaign), follow=True)
    assert "customer.firstname" in response.content.decode()
    assert Run.objects.count() == 0


@pytest.mark.parametrize(
    ("before", "name", "after"),
    [("running", "pause", "paused"), ("paused", "resume", "running"), ("running", "stop", "stopped")],
)
def test_moves_happen_by_post_only(admin_client, campaign, before, name, after):
    Campaign.objects.update(status=before)
    assert admin_client.get(url(name, campaign)).status_code == 200
    assert Campaign.objects.get().status == before
    admin_client.post(url(name, campaign))
    assert Campaign.objects.get().status == after
    again = admin_client.get(url(name, campaign)).content.decode()
    assert "This cannot be done now" in again
    assert f'href="{reverse("admin:notifications_campaign_change", args=[campaign.pk])}">Back</a>' in again


def test_a_clone_opens_as_a_new_draft(admin_client, campaign):
    response = admin_client.post(url("clone", campaign), follow=True)
    assert "We miss you (copy)" in response.content.decode()
    assert Campaign.objects.get(name="We miss you (copy)").created_by.username == "admin"


@pytest.mark.parametrize("name", ["launch", "pause", "resume", "stop", "clone"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_sending_needs_its_own_permission(reader, campaign, name, method):
    assert getattr(reader, method)(url(name, campaign)).status_code == 403
    assert Campaign.objects.count() == 1
    assert Run.objects.count() == 0


def test_the_pages_of_a_campaign_open_in_every_status(admin_client, campaign):
    for status in CampaignStatus:
        Campaign.objects.update(status=status)
        page = admin_client.get(url("change", campaign))
        assert page.status_code == 200
        assert str(status.label) in page.content.decode()
        assert admin_client.get(url("report", campaign)).status_code == 200
    assert admin_client.get(reverse("admin:notifications_campaign_add")).status_code == 200


def test_saving_a_stale_page_does_not_move_the_campaign_back(admin_client, campaign):
    variant = campaign.variants.get()
    form = {
        "name": "Renamed", "segment": campaign.segment_id, "offer": campaign.offer_id, "channel": "email",
        "item_count": 2, "item_choice": "new", "hold_out_percent": "0", "attribution_days": 14,
        "variants-TOTAL_FORMS": 1, "variants-INITIAL_FORMS": 1, "variants-0-id": variant.pk,
        "variants-0-campaign": campaign.pk, "variants-0-name": "A", "variants-0-weight": 1,
        "variants-0-subject": variant.subject, "variants-0-html": variant.html,
    }  # fmt: skip
    Campaign.objects.update(status=CampaignStatus.RUNNING)
    response = admin_client.post(url("change", campaign), form)
    assert response.status_code == 302
    campaign.refresh_from_db()
    assert (campaign.name, campaign.status) == ("Renamed", CampaignStatus.RUNNING)


def test_the_report_says_what_the_data_shows(admin_client, campaign):
    campaign.is_simulated = True
    campaign.hold_out_percent = 20
    campaign.save()
    sent = timezone.now() - timedelta(days=20)
    run = RunFactory(campaign=campaign, status=RunStatus.COMPLETED)
    for number in range(500):
        held_out = number < 100
        recipient = RecipientFactory(
            run=run, status="held_out" if held_out else "planned", arm="hold_out" if held_out else "A", send_at=sent
        )
        if number % (20 if held_out else 5) == 0:
            OrderFactory(customer=recipient.customer, placed_at=sent + timedelta(days=1))
    page = admin_client.get(url("report", campaign)).content.decode()
    for expected in ("Simulated shoppers", "It worked", "20.0%, against 5.0% of those held out", "80 of 400"):
        assert expected in page
    assert "Preliminary" not in page


def test_lists_take_a_fixed_number_of_queries(admin_client, campaign, django_assert_max_num_queries):
    recipients = [RecipientFactory(run__campaign=CampaignFactory(), suppression="") for _ in range(20)]
    for recipient in recipients:
        MessageFactory(recipient=recipient)
    for name in ("campaign", "run", "recipient", "message"):
        with django_assert_max_num_queries(12):
            page = admin_client.get(reverse(f"admin:notifications_{name}_changelist"))
        assert page.status_code == 200


def test_an_open_run_shows_its_progress(admin_client, db):
    run = RunFactory(status=RunStatus.SENDING, planned_at=timezone.now() - timedelta(seconds=10))
    for state in (MessageState.SENT, MessageState.SENT, MessageState.PLANNED, MessageState.FAILED):
        MessageFactory(recipient__run=run, state=state, error_kind="permanent" if state == "failed" else "")
    page = admin_client.get(reverse("admin:notifications_run_change", args=[run.pk])).content.decode()
    assert "75.0%" in page
    assert "3 / 4" in page
    assert "Refused for good" in page


def test_sending_again_is_confirmed_and_only_for_unknown_and_failed(admin_client, db):
    run = RunFactory(campaign__status=CampaignStatus.RUNNING, status=RunStatus.SENDING)
    states = (MessageState.UNKNOWN, MessageState.FAILED, MessageState.SENT)
    chosen = [MessageFactory(recipient__run=run, state=state).pk for state in states]
    form = {"action": "resend", "_selected_action": chosen}
    page = admin_client.post(reverse("admin:notifications_message_changelist"), form).content.decode()
    assert "1 message has an unknown outcome" in page
    assert Message.objects.filter(state=MessageState.PLANNED).count() == 0
    response = admin_client.post(
        reverse("admin:notifications_message_changelist"), form | {"confirmed": "1"}, follow=True
    )
    assert "2 messages will be sent again." in response.content.decode()
    assert list(Message.objects.order_by("pk").values_list("state", flat=True)) == ["planned", "planned", "sent"]


def test_an_address_is_suppressed_by_its_hash_and_found_again(admin_client, db):
    add = reverse("admin:notifications_suppression_add")
    form = {"channel": "email", "address": "Ada@Example.com", "reason": "asked by phone"}
    assert admin_client.post(add, form).status_code == 302
    assert Suppression.objects.get().address_hash == lookup_hash("ada@example.com")
    assert "suppressed already" in admin_client.post(add, form).content.decode()
    found = admin_client.get(reverse("admin:notifications_suppression_changelist"), {"q": "ada@example.com"})
    assert "asked by phone" in found.content.decode()


def test_a_decision_shows_its_items_and_why(admin_client, db):
    shown, reason = ItemFactory(title="Red mug"), ItemFactory(title="Blue mug")
    recipient = RecipientFactory(item_ids=[shown.pk], reason_item_ids=[reason.pk])
    page = admin_client.get(reverse("admin:notifications_recipient_change", args=[recipient.pk])).content.decode()
    assert "Red mug" in page
    assert "because of “Blue mug”" in page


def form_of(campaign, **changes):
    """The change form as the page would send it."""
    variant = campaign.variants.get()
    return {
        "name": campaign.name, "segment": campaign.segment_id, "offer": campaign.offer_id or "", "channel": "email",
        "item_count": 2, "item_choice": "new", "hold_out_percent": "0", "attribution_days": 14, "tags": "",
        "variants-TOTAL_FORMS": 1, "variants-INITIAL_FORMS": 1, "variants-0-id": variant.pk,
        "variants-0-campaign": campaign.pk, "variants-0-name": "A", "variants-0-weight": 1,
        "variants-0-subject": variant.subject, "variants-0-html": variant.html,
    } | changes  # fmt: skip


def person(client, name, *permissions):
    user = User.objects.create_user(name, password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_campaign", *permissions]))
    client.force_login(user)
    return user


def test_a_campaign_is_approved_part_by_part_and_an_edit_withdraws(client, campaign, settings):
    settings.CAMPAIGN_APPROVALS = True
    person(client, "composer", "change_campaign", "change_variant", "view_variant")
    assert client.get(url("launch", campaign)).status_code == 403
    client.post(url("submit", campaign))
    readiness = client.get(url("readiness", campaign)).content.decode()
    assert "Audience, offer and every variant are in order." in readiness
    assert 'name="part"' not in readiness, "the composer may approve nothing"
    client.post(url("approve", campaign), {"part": "message"})
    assert campaign.approvals.count() == 0
    person(client, "approver", "approve_message", "approve_audience", "approve_offer")
    for part in ("message", "audience", "offer"):
        assert f'value="{part}"' in client.get(url("readiness", campaign)).content.decode()
        client.post(url("approve", campaign), {"part": part})
    assert Campaign.objects.get().status == CampaignStatus.APPROVED
    client.force_login(User.objects.get(username="composer"))
    form = form_of(campaign, **{"variants-0-subject": "Another subject"})
    assert client.post(url("change", campaign), form).status_code == 302
    assert Campaign.objects.get().status == CampaignStatus.IN_REVIEW
    assert set(campaign.approvals.values_list("part", flat=True)) == {"audience", "offer"}
    history = client.get(url("history", campaign)).content.decode()
    for expected in ("composer</b> asked for approval", "approver</b> approved: Offer", "Another subject", "Message"):
        assert expected in history


def test_the_readiness_says_what_is_wrong_and_leads_to_the_field(admin_client, campaign):
    campaign.variants.update(html="<p>{{ customer.firstname }}</p>")
    campaign.segment.rule = {"field": "customer.country", "op": "is_set"}
    campaign.segment.save()
    page = admin_client.get(url("readiness", campaign)).content.decode()
    assert 'href="#id_variants-0-html"' in page
    assert "matches every customer of the shop" in page
    assert "Without a hold-out nobody will know whether it paid." in page
    campaign.segment.rule = {"field": "customer.country", "op": "=", "value": "XX"}
    campaign.segment.save()
    assert "matches nobody. Widen its rule." in admin_client.get(url("readiness", campaign)).content.decode()


def test_impossible_things_are_refused_at_their_field_in_both_languages(admin_client, campaign):
    campaign.offer.valid_until = timezone.now() + timedelta(days=2)
    campaign.offer.save()
    past = {"scheduled_at_0": "2020-01-01", "scheduled_at_1": "09:00"}
    late = {"scheduled_at_0": f"{timezone.now() + timedelta(days=5):%Y-%m-%d}", "scheduled_at_1": "09:00"}
    for language, over, ended in (("en", "This moment is over.", "is over since"), ("zh-hans", "该时间已过", "已于")):
        admin_client.cookies["django_language"] = language
        assert over in admin_client.post(url("change", campaign), form_of(campaign, **past)).content.decode()
        assert ended in admin_client.post(url("change", campaign), form_of(campaign, **late)).content.decode()
    del admin_client.cookies["django_language"]
    answer = admin_client.post(url("change", campaign), form_of(campaign, tags="weekly,  news ,weekly"))
    assert answer.status_code == 302
    assert Campaign.objects.get().tags == ["news", "weekly"]


def test_caps_are_edited_and_start_switched_off(admin_client, db):
    # Tests that empty the tables take away what migrations put into them.
    import_module("notifications.migrations.0005_campaign_life").add_default_caps(apps, connection.schema_editor())
    page = admin_client.get(reverse("admin:notifications_frequencycap_changelist")).content.decode()
    assert "4 in 7 days" in page
    assert not FrequencyCap.objects.filter(is_active=True).exists()
    form = {"maximum": 2, "days": 7, "channel": "", "tag": "news", "is_active": "on"}
    assert admin_client.post(reverse("admin:notifications_frequencycap_add"), form).status_code == 302
    assert FrequencyCap.objects.get(tag="news").is_active
    assert "already exists" in admin_client.post(reverse("admin:notifications_frequencycap_add"), form).content.decode()


def test_a_run_is_paused_resumed_and_stopped_from_its_page(admin_client, campaign):
    Campaign.objects.update(status=CampaignStatus.RUNNING)
    run = RunFactory(campaign=campaign, status=RunStatus.SENDING)
    page = reverse("admin:notifications_run_change", args=[run.pk])
    change = url("change", campaign)
    shown = admin_client.get(page).content.decode()
    assert f'action="{change}../pause/"' in shown
    assert f'href="{change}../stop/"' in shown
    admin_client.post(url("pause", campaign))
    assert f'action="{change}../resume/"' in admin_client.get(page).content.decode()
    Run.objects.update(status=RunStatus.COMPLETED)
    assert "../resume/" not in admin_client.get(page).content.decode()
