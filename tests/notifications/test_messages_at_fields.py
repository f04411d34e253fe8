"""What cannot be meant is said at its field: by the admin's forms and by the API, in English and in Chinese."""

import json
import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from notifications.models import Campaign, Offer, Segment
from tests.factories import CampaignFactory, CustomerFactory, OfferFactory, SegmentFactory, VariantFactory
from users.api_keys import create_api_key
from users.choices import ApiScope

pytestmark = pytest.mark.django_db
CHINESE = re.compile(r"[\u4e00-\u9fff]")
BRITISH = {"field": "customer.country", "op": "=", "value": "GB"}
PAST, SOON, LATER = (timezone.now() + timedelta(days=days) for days in (-2, 2, 30))


@pytest.fixture(params=["en", "zh-hans"])
def language(request):
    return request.param


@pytest.fixture
def api(language):
    _row, key = create_api_key(name="shop", scope=ApiScope.SERVER)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}", HTTP_ACCEPT_LANGUAGE=language)
    return client


@pytest.fixture
def staff(admin_client, language):
    admin_client.cookies.load({"django_language": language})
    return admin_client


@pytest.fixture
def says(language):
    """Whether the one sentence is the expected one in English, or is Chinese."""

    def check(sentences, english):
        text = " ".join(map(str, sentences))
        if language == "en":
            assert english in text
        else:
            assert CHINESE.search(text), text
            assert english not in text

    return check


def errors_of(page):
    """The errors of an admin page's form, by field."""
    assert page.status_code == 200, "it was saved"
    return page.context["adminform"].form.errors


BAD_RULES = [
    ({"field": "customer.country", "op": "~", "value": "GB"}, "must be one of"),
    ({"event": "view", "within_days": 0}, "must be a whole number of at least 1"),
    ({"field": "customer.shoe_size", "op": "=", "value": 1}, "must be one of"),
    ({"segment": "Tea lovers"}, "refers back to itself"),
]


@pytest.mark.parametrize(("rule", "english"), BAD_RULES)
def test_a_rule_that_cannot_be_used(staff, api, says, rule, english):
    segment = SegmentFactory(name="Tea lovers", rule=BRITISH)
    form = {"name": "Tea lovers", "rule": json.dumps(rule)}
    page = staff.post(reverse("admin:notifications_segment_change", args=[segment.pk]), form)
    says(errors_of(page)["rule"], english)
    answer = api.patch(f"/api/v1/segments/{segment.pk}/", {"rule": rule}, format="json")
    assert answer.status_code == 400
    says(answer.json()["rule"], english)
    assert Segment.objects.get().rule == BRITISH


@pytest.mark.parametrize(
    ("answers", "field", "english"),
    [
        ({"kind": "recurring", "schedule": "61 9 * * *"}, "schedule", "the minute is not possible"),
        ({"kind": "recurring", "schedule": "0 9 31 2 *"}, "schedule", "is not possible"),
        ({"kind": "recurring", "schedule": "* * * * *"}, "schedule", "more often than once an hour"),
        (
            {"kind": "recurring", "schedule": "0 9 * * 1", "time_zone": "Mars/Base"},
            "time_zone",
            "There is no time zone of this name.",
        ),
        ({"kind": "birthday", "starts_at": LATER, "ends_at": SOON}, "ends_at", "It would end before it starts."),
    ],
)
def test_a_schedule_that_is_impossible(staff, api, says, answers, field, english):
    campaign = CampaignFactory()
    form = {
        "clock": "zone",
        "misfire": "late",
        "grace": "60",
        "wait": "1",
        "wait_unit": "hours",
        "at": "09:00",
        "condition": "any",
        "exit_event": "",
        "reentry_days": "30",
        "useful_hours": "48",
        "time_zone": "UTC",
        **{name: value for name, value in answers.items() if name not in ("starts_at", "ends_at")},
    }
    for name in {"starts_at", "ends_at"} & answers.keys():
        form |= {f"{name}_0": answers[name].strftime("%Y-%m-%d"), f"{name}_1": answers[name].strftime("%H:%M:%S")}
    page = staff.post(reverse("admin:notifications_campaign_when", args=[campaign.pk]), form)
    assert page.status_code == 200
    says(page.context["form"].errors[field], english)
    asked = {"time_zone": "UTC"} | {
        name: value if isinstance(value, str) else value.isoformat() for name, value in answers.items()
    }
    answer = api.put(f"/api/v1/campaigns/{campaign.pk}/trigger/", asked, format="json")
    assert answer.status_code == 400
    says(answer.json()[field], english)


def test_an_offer_that_ends_before_it_starts(staff, api, says):
    english = "The offer ends before it starts."
    form = {"name": "Sale", "type": "percent", "value": "10", "currency": "GBP", "stacking": "exclusive"}
    form |= {"code_source": "generated", "uses_per_coupon": 1, "low_stock": 100}
    for name, moment in (("valid_from", LATER), ("valid_until", SOON)):
        form |= {f"{name}_0": moment.strftime("%Y-%m-%d"), f"{name}_1": moment.strftime("%H:%M:%S")}
    says(errors_of(staff.post(reverse("admin:notifications_offer_add"), form))["valid_until"], english)
    terms = {"name": "Sale", "type": "percent", "value": "10.00", "currency": "GBP"}
    answer = api.post("/api/v1/offers/", terms | {"valid_from": LATER, "valid_until": SOON}, format="json")
    assert answer.status_code == 400
    says(answer.json()["valid_until"], english)
    assert not Offer.objects.exists()


def composed(**changes):
    return {
        "name": "Spring",
        "segment": "British",
        "variants": [{"subject": "Hello", "html": "<p>Hello</p>"}],
        **changes,
    }


def campaign_form(segment, **changes):
    return {
        "name": "Spring",
        "segment": segment.pk,
        "channel": "email",
        "item_count": 4,
        "item_choice": "new",
        "hold_out_percent": 10,
        "attribution_days": 14,
        "tags": "",
        "variants-TOTAL_FORMS": 1,
        "variants-INITIAL_FORMS": 0,
        "variants-0-name": "A",
        "variants-0-weight": 1,
        "variants-0-subject": "Hello",
        "variants-0-html": "<p>Hello</p>",
        **changes,
    }


@pytest.mark.parametrize(
    ("field", "source", "english"),
    [
        ("subject", "For {{ customer.frist_name }}", "Did you mean “customer.first_name”?"),
        ("html", "<p>\n{{ basket }}</p>", "Line 2: There is no variable “basket”."),
        ("html", "{% include 'x' %}", "is not supported"),
        ("preview_text", "{{ coupon.code", "not closed"),
    ],
)
def test_a_template_with_a_fault(staff, api, says, field, source, english):
    segment = SegmentFactory(name="British", rule=BRITISH)
    form = campaign_form(segment, **{f"variants-0-{field}": source})
    page = staff.post(reverse("admin:notifications_campaign_add"), form)
    assert page.status_code == 200
    says(page.context["inline_admin_formsets"][0].formset.forms[0].errors[field], english)
    variant = {"subject": "Hello", "html": "<p>Hello</p>"} | {field: source}
    answer = api.post("/api/v1/campaigns/", composed(variants=[variant]), format="json")
    assert answer.status_code == 400
    says(answer.json()["variants"][0][field], english)
    assert not Campaign.objects.exists()


def test_a_campaign_whose_time_is_over_or_whose_offer_ends_before_it(staff, api, says):
    segment, ended = SegmentFactory(name="British", rule=BRITISH), OfferFactory(name="Sale", valid_until=SOON)
    for changes, moment, field, english in (
        ({}, PAST, "scheduled_at", "This moment is over."),
        ({"offer": ended}, LATER, "offer", "is over since"),
    ):
        local = timezone.localtime(moment)
        form = {"scheduled_at_0": local.strftime("%Y-%m-%d"), "scheduled_at_1": local.strftime("%H:%M:%S")}
        form |= {name: offer.pk for name, offer in changes.items()}
        page = staff.post(reverse("admin:notifications_campaign_add"), campaign_form(segment, **form))
        says(errors_of(page)[field], english)
        body = composed(scheduled_at=moment, **{name: offer.name for name, offer in changes.items()})
        answer = api.post("/api/v1/campaigns/", body, format="json")
        assert answer.status_code == 400
        says(answer.json()[field], english)


def finding_at(page, field):
    """What the campaign's page says with a link to the field; its script sets it below the field too."""
    links = re.findall(r'<a href="#([^"]+)">([^<]+)</a>', page.content.decode())
    return [text for anchor, text in links if anchor == field]


def test_a_campaign_for_nobody_cannot_be_launched(staff, api, says):
    campaign = CampaignFactory(segment=SegmentFactory(rule=BRITISH))
    VariantFactory(campaign=campaign)
    glance = staff.get(reverse("admin:notifications_campaign_glance"), {"segment": campaign.segment_id}).json()
    says(glance["segment"]["warnings"], "Nobody matches.")
    page = staff.get(reverse("admin:notifications_campaign_readiness", args=[campaign.pk]))
    says(finding_at(page, "id_segment"), "matches nobody. Widen its rule.")
    answer = api.post(f"/api/v1/campaigns/{campaign.pk}/launch/")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_ready")
    says(answer.json()["fields_at_fault"]["segment"], "matches nobody. Widen its rule.")


def test_a_campaign_for_everyone_is_pointed_out(staff, api, says):
    CustomerFactory.create_batch(3, country="GB")
    campaign = CampaignFactory(segment=SegmentFactory(rule=BRITISH))
    VariantFactory(campaign=campaign)
    glance = staff.get(reverse("admin:notifications_campaign_glance"), {"segment": campaign.segment_id}).json()
    says(glance["segment"]["warnings"], "Everyone matches.")
    page = staff.get(reverse("admin:notifications_campaign_readiness", args=[campaign.pk]))
    says(finding_at(page, "id_segment"), "matches every customer of the shop.")
    warnings = api.get(f"/api/v1/campaigns/{campaign.pk}/audience/").json()["warnings"]
    says(warnings["segment"], "matches every customer of the shop.")
