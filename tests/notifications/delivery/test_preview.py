import pytest
from django.urls import reverse

from notifications.choices import PointsKind, TriggerKind
from notifications.delivery.preview import example_customers, preview_campaign
from notifications.membership.ledger import credit_points
from notifications.models import Coupon, Link, Message
from tests.factories import (
    CampaignFactory,
    ConsentFactory,
    CustomerFactory,
    ItemFactory,
    OfferFactory,
    RecommendationFactory,
    SegmentFactory,
    TriggerFactory,
    VariantFactory,
)
from users.models import Customer

HTML = (
    "<p>Hello {{ customer.first_name }}</p><b>{{ coupon.code }}</b>"
    "{% for item in items %}<a href='{{ item.url }}'>{{ item.title }}</a>{% endfor %}"
)


@pytest.fixture
def campaign(db):
    segment = SegmentFactory(rule={"field": "customer.country", "op": "=", "value": "GB"})
    campaign = CampaignFactory(segment=segment, offer=OfferFactory(), hold_out_percent=0)
    VariantFactory(campaign=campaign, language="en", html=HTML)
    item = ItemFactory(title="Red mug", url="https://shop.example/mug")
    for fields in ({"first_name": "Zoë", "language": "en"}, {"first_name": "", "language": "fr"}):
        customer = CustomerFactory(country="GB", **fields)
        ConsentFactory(customer=customer)
        RecommendationFactory(customer=customer, item_ids=[item.pk])
    CustomerFactory(country="GB", first_name="Bob", language="en")
    return campaign


def test_a_customer_sees_their_own_items_and_nothing_is_stored(campaign):
    customer = Customer.objects.get(first_name="Zoë")
    preview = preview_campaign(campaign, customer=customer)
    assert (preview.refusal, preview.is_held_out, preview.problem) == ("", False, "")
    for expected in ("Red mug", "https://shop.example/mug", "SAMPLE-CODE"):
        assert expected in preview.html
    assert "Zoë" not in preview.html, "staff see names masked"
    assert Link.objects.count() == Coupon.objects.count() == Message.objects.count() == 0


def test_the_edge_cases_of_the_audience_are_found(campaign):
    found = example_customers(campaign)
    names = {each.external_id: each for each in Customer.objects.all()}
    assert [kind for kind, _ in found].count("random") == 3
    assert {kind: names[external_id].first_name for kind, external_id in found if kind != "random"} == {
        "no_name": "",
        "no_recommendation": "Bob",
        "other_language": "",
    }


def test_a_test_mail_goes_to_staff(admin_client, campaign, smtp):
    customer = Customer.objects.get(first_name="Bob")
    url = reverse("admin:notifications_campaign_preview", args=[campaign.pk])
    page = admin_client.get(url, {"customer": customer.external_id}).content.decode()
    assert "Would not receive it: No consent." in page
    answer = admin_client.post(f"{url}?customer={customer.external_id}", {"address": "me@shop.example"}, follow=True)
    assert "A test is on its way to me@shop.example." in answer.content.decode()
    mail = smtp.mail()
    assert mail["Subject"].startswith("[Test] Hello")
    assert smtp.addresses == ["me@shop.example"]
    assert "There is no such customer." in admin_client.get(url, {"customer": "nobody"}).content.decode()
    admin_client.post(f"{url}?customer={customer.external_id}", {"address": "no address"})
    assert len(smtp.accepted) == 1


def test_a_triggered_message_is_shown_with_items_in_the_place_of_the_cart(campaign):
    TriggerFactory(campaign=campaign, kind=TriggerKind.CART_ABANDONED)
    html = "<p>{% for item in trigger.items %}{{ item.title }} × {{ item.quantity }}{% endfor %}</p>"
    campaign.variants.update(html=html)
    preview = preview_campaign(campaign, customer=Customer.objects.get(first_name="Zoë"))
    assert "Red mug × 1" in preview.html


def test_the_points_of_the_customer_and_the_preview_text_are_shown(campaign):
    customer = Customer.objects.get(first_name="Zoë")
    credit_points(customer_id=customer.pk, points=70, kind=PointsKind.EARNED, source="order:1")
    campaign.variants.update(html="<p>{{ points.balance }} points</p>", preview_text="For {{ shop.name }}")
    preview = preview_campaign(campaign, customer=customer)
    assert "70 points" in preview.text
    assert preview.preview_text == "For Test shop"
    nobody = preview_campaign(campaign, customer=Customer.objects.get(first_name="Bob"))
    assert "0 points" in nobody.text
