"""Composing a message: the gallery, what is shown while it is typed, and what saving it does."""

import pytest
from django.urls import reverse
from django.utils import translation

from notifications.admin.content_page import editor_context
from notifications.content.check import check_content
from notifications.content.starter import starters
from notifications.models import Campaign, Variant
from tests.factories import CampaignFactory, ItemFactory, OfferFactory, SegmentFactory, VariantFactory

pytestmark = pytest.mark.django_db
ADD = reverse("admin:notifications_campaign_add")


def new_campaign(client, **changes):
    """The form as it is proposed, with `changes`, and the answer to saving it."""
    form = {
        "name": "Spring",
        "segment": SegmentFactory().pk,
        "channel": "email",
        "item_count": 4,
        "item_choice": "new",
        "hold_out_percent": 10,
        "attribution_days": 14,
        "tags": "",
        "variants-TOTAL_FORMS": 1,
        "variants-INITIAL_FORMS": 0,
        "variants-MIN_NUM_FORMS": 1,
    }
    page = client.get(ADD)
    proposed = page.context["inline_admin_formsets"][0].formset.forms[0]
    for name in ("name", "language", "weight", "subject", "preview_text", "html", "body", "url"):
        form[f"variants-0-{name}"] = proposed[name].value() or ""
    return client.post(ADD, form | changes)


def test_a_new_campaign_starts_with_a_whole_message_and_opens_its_page(admin_client):
    answer = new_campaign(admin_client)
    campaign = Campaign.objects.get()
    assert answer["Location"] == reverse("admin:notifications_campaign_change", args=[campaign.pk])
    variant = campaign.variants.get()
    assert variant.html == starters("en")[0].html.strip()
    assert variant.subject == starters("en")[0].subject
    page = admin_client.get(answer["Location"]).content.decode()
    assert "Preview and test" in page
    assert "Save and add another" not in page


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "There is no variable “customer.nmae”"), ("zh-hans", "没有变量“customer.nmae”")],
)
def test_a_template_that_cannot_be_used_is_refused_at_its_field(admin_client, language, words):
    changes = {"variants-0-subject": "For {{ customer.nmae }}", "variants-0-html": "<p>\n{% if x %}</p>"}
    admin_client.cookies.load({"django_language": language})
    page = new_campaign(admin_client, **changes)
    errors = page.context["inline_admin_formsets"][0].formset.forms[0].errors
    assert errors.keys() == {"subject", "html"}
    assert words in errors["subject"][0]
    assert ("Line 2" if language == "en" else "第 2 行") in errors["html"][0]
    assert not Campaign.objects.exists()


def test_a_push_message_needs_a_text_and_no_html(admin_client):
    page = new_campaign(admin_client, channel="webpush", **{"variants-0-html": ""})
    assert page.context["inline_admin_formsets"][0].formset.forms[0].errors.keys() == {"body"}
    answer = new_campaign(admin_client, channel="webpush", **{"variants-0-html": "", "variants-0-body": "Come in"})
    assert answer.status_code == 302


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_gallery_shows_every_template_with_a_sample(admin_client, language):
    OfferFactory()
    ItemFactory.create_batch(5)
    answer = admin_client.get(reverse("admin:notifications_campaign_gallery"), {"language": language}).json()
    assert [each["key"] for each in answer["starters"]] == [each.key for each in starters(language)]
    for each, ready in zip(answer["starters"], starters(language), strict=True):
        assert (each["subject"], each["html"]) == (ready.subject, ready.html)
        assert "Item " in each["sample"]
        assert "{{" not in each["sample"]
    assert "SAMPLE-CODE" in answer["starters"][0]["sample"]


def look(client, **fields):
    return client.post(reverse("admin:notifications_campaign_content"), {"channel": "email"} | fields).json()


def test_what_is_typed_is_shown_with_the_chosen_offer(admin_client):
    offer = OfferFactory()
    shown = look(admin_client, subject="Hi {{ customer.first_name }}", html="<p>{{ coupon.code }}</p>", offer=offer.pk)
    assert (shown["subject"], shown["problems"]) == ("Hi Ada", [])
    assert "SAMPLE-CODE" in shown["html"]


def test_the_faults_of_what_is_typed_are_named_by_field(admin_client):
    shown = look(admin_client, subject="{{ coupn.code }}", html="<p>\n{{ items[0].titel }}</p>", preview_text="{{")
    assert [each["field"] for each in shown["problems"]] == ["subject", "preview_text", "html"]
    assert "Did you mean “coupon.code”?" in shown["problems"][0]["text"]
    assert shown["problems"][2]["text"].startswith("Line 2: ")
    assert look(admin_client, subject="x" * 300, html="<p>x</p>")["problems"] == []


def test_a_push_message_is_shown_as_a_notice(admin_client):
    shown = look(admin_client, channel="webpush", subject="Back", body="{{ customer.first_name }}!")
    assert (shown["notice"]["title"], shown["notice"]["body"]) == ("Back", "Ada!")


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_variable_that_can_be_inserted_exists(language):
    with translation.override(language):
        variables = editor_context()["variables"]
    assert len(variables) > 12
    for each in variables:
        assert check_content(subject="", html=each["text"]) == [], each["label"]
    used = " ".join(each["text"] for each in variables)
    for block in ("items", "item.reason", "coupon.code", "trigger.items", "points.balance"):
        assert block in used


def test_below_segment_and_offer_stands_what_they_mean(admin_client):
    url = reverse("admin:notifications_campaign_glance")
    segment = SegmentFactory(rule={"field": "customer.country", "op": "=", "value": "GB"})
    found = admin_client.get(url, {"segment": segment.pk, "offer": OfferFactory().pk}).json()
    assert found["offer"] == {
        "text": "£5.00 off when you spend £30.00; for 14 days from issue.",
        "warnings": [],
    }
    assert found["segment"]["text"] == "0 customers match now. Customers whose country is GB."
    assert "Nobody matches." in found["segment"]["warnings"][0]
    assert admin_client.get(url, {"segment": "x", "offer": 0}).json() == {}


def test_only_staff_who_may_look_at_campaigns_are_answered(client, django_user_model):
    client.force_login(django_user_model.objects.create_user("clerk", password="x", is_staff=True))
    for name in ("gallery", "content", "glance"):
        assert client.get(reverse(f"admin:notifications_campaign_{name}")).status_code == 403


def test_a_launched_message_is_shown_and_not_edited(admin_client):
    campaign = CampaignFactory(status="completed")
    VariantFactory(campaign=campaign, html="<p>Hello</p>")
    page = admin_client.get(reverse("admin:notifications_campaign_change", args=[campaign.pk])).content.decode()
    assert "data-look" not in page
    assert 'class="ap-mail"' in page
    assert Variant.objects.count() == 1
