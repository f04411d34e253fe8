import pytest
from rest_framework.test import APIClient

from notifications.choices import CampaignStatus
from notifications.models import Campaign
from tests.factories import CampaignFactory, CustomerFactory, OfferFactory, SegmentFactory, VariantFactory
from users.api_keys import create_api_key
from users.choices import ApiScope


@pytest.fixture
def campaign(db):
    CustomerFactory(country="GB")
    segment = SegmentFactory(rule={"field": "customer.country", "op": "=", "value": "GB"})
    campaign = CampaignFactory(segment=segment, offer=OfferFactory())
    VariantFactory(campaign=campaign)
    return campaign


@pytest.fixture
def write_api(db):
    _row, key = create_api_key(name="browser", scope=ApiScope.WRITE)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    return client


def url(campaign, step=""):
    return f"/api/v1/campaigns/{campaign.pk}/{step}"


def test_campaigns_are_listed_and_read(api, campaign):
    (listed,) = api.get("/api/v1/campaigns/").json()["results"]
    one = api.get(url(campaign)).json()
    assert (listed["name"], listed["status"], listed["segment"]) == (campaign.name, "draft", campaign.segment.name)
    assert [each["subject"] for each in one.pop("variants")] == ["Hello {{ customer.first_name }}"]
    assert one == listed | {"missing_approvals": [], "runs": []}


def test_a_campaign_is_launched_paused_resumed_and_stopped(api, campaign):
    launched = api.post(url(campaign, "launch/"))
    assert (launched.status_code, launched.json()["status"]) == (201, "pending")
    assert api.get(url(campaign)).json()["runs"] == [launched.json()]
    Campaign.objects.update(status=CampaignStatus.RUNNING)
    for step, status in (("pause", "paused"), ("resume", "running"), ("stop", "stopped")):
        answer = api.post(url(campaign, f"{step}/"))
        assert (answer.status_code, answer.json()["status"]) == (200, status)
    refused = api.post(url(campaign, "resume/"))
    assert (refused.status_code, refused.json()["code"]) == (409, "illegal_move")


def test_a_campaign_that_is_not_ready_says_why(api, campaign):
    campaign.variants.all().delete()
    answer = api.post(url(campaign, "launch/"), {"at": "2030-01-01T09:00:00Z"})
    assert (answer.status_code, answer.json()["code"], len(answer.json()["problems"])) == (409, "not_ready", 1)
    assert api.post(url(campaign, "launch/"), {"at": "soon"}).status_code == 400


def test_the_report_is_served(api, campaign):
    report = api.get(url(campaign, "report/")).json()
    assert report["comparison"]["finding"] == "no_hold_out"
    assert report["funnel"]["matched"] == 0


def test_a_key_that_may_only_send_events_sees_no_campaigns(campaign, write_api):
    assert write_api.get("/api/v1/campaigns/").status_code == 403
    assert write_api.post(url(campaign, "stop/")).status_code == 403


def test_a_campaign_goes_through_review_and_back_and_is_cloned(api, campaign, settings):
    settings.CAMPAIGN_APPROVALS = True
    refused = api.post(url(campaign, "launch/"))
    assert (refused.status_code, refused.json()["code"]) == (409, "illegal_move")
    assert api.post(url(campaign, "submit/")).json()["status"] == "in_review"
    assert api.get(url(campaign)).json()["missing_approvals"] == ["message", "audience", "offer"]
    assert api.post(url(campaign, "submit/")).json()["code"] == "illegal_move"
    assert api.post(url(campaign, "reopen/")).json()["status"] == "draft"
    clone = api.post(url(campaign, "clone/"))
    assert (clone.status_code, clone.json()["status"], clone.json()["name"]) == (
        201,
        "draft",
        f"{campaign.name} (copy)",
    )
    campaign.variants.all().delete()
    assert api.post(url(campaign, "submit/")).json()["code"] == "not_ready"


def test_the_audience_is_counted_and_its_number_confirms_the_launch(api, campaign):
    audience = api.get(url(campaign, "audience/")).json()
    assert (audience["matched"], audience["will_receive"], audience["is_everyone"]) == (1, 0, True)
    assert (audience["suppressed"], audience["liability"]) == ({"no_consent": 1}, "0.00")
    changed = api.post(url(campaign, "launch/"), {"recipients": 5})
    assert (changed.status_code, changed.json()["code"], changed.json()["recipients"]) == (409, "count_changed", 0)
    assert api.post(url(campaign, "launch/"), {"recipients": audience["will_receive"]}).status_code == 201
    campaign.segment.rule = {"nonsense": True}
    campaign.segment.save()
    assert api.get(url(campaign, "audience/")).json()["code"] == "not_ready"


def test_a_campaign_is_composed_changed_and_read_back(api):
    SegmentFactory(name="British", rule={"field": "customer.country", "op": "=", "value": "GB"})
    OfferFactory(name="Sale")
    variants = [{"subject": "Hello", "html": "<p>Hello</p>"}, {"name": "B", "subject": "Hi", "html": "<p>Hi</p>"}]
    body = {"name": "Spring", "segment": "British", "offer": "Sale", "tags": ["news", " news "], "variants": variants}
    made = api.post("/api/v1/campaigns/", body, format="json")
    assert made.status_code == 201
    read = made.json()
    assert (read["status"], read["segment"], read["offer"], read["tags"]) == ("draft", "British", "Sale", ["news"])
    assert [(each["name"], each["subject"]) for each in read["variants"]] == [("A", "Hello"), ("B", "Hi")]
    assert (read["hold_out_percent"], read["item_count"]) == ("10.00", 4)

    changed = api.patch(f"/api/v1/campaigns/{read['id']}/", {"offer": None, "item_count": 2}, format="json").json()
    assert (changed["offer"], changed["item_count"], len(changed["variants"])) == (None, 2, 2)
    one = [{"subject": "Only", "html": "<p>Only</p>"}]
    changed = api.patch(f"/api/v1/campaigns/{read['id']}/", {"variants": one}, format="json").json()
    assert [each["subject"] for each in changed["variants"]] == ["Only"]
    assert api.get(f"/api/v1/campaigns/{read['id']}/").json() == changed


def test_what_of_a_composed_campaign_is_wrong_stands_at_its_field(api, campaign):
    twice = [{"subject": "Hello", "html": "<p>x</p>"}] * 2
    for body, field in (
        ({"name": campaign.name}, "name"),
        ({"segment": "No such"}, "segment"),
        ({"hold_out_percent": 80}, "hold_out_percent"),
        ({"variants": twice}, "variants"),
        ({"channel": "webpush", "variants": [{"subject": "Hello"}]}, "variants"),
    ):
        ready = {"name": "Spring", "segment": campaign.segment.name}
        answer = api.post("/api/v1/campaigns/", ready | body, format="json")
        assert (answer.status_code, list(answer.json())) == (400, [field])
    assert Campaign.objects.count() == 1


def test_a_launched_campaign_is_not_changed(api, campaign):
    Campaign.objects.update(status=CampaignStatus.RUNNING)
    answer = api.patch(url(campaign), {"name": "Other"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "illegal_move")
    assert Campaign.objects.get().name == campaign.name
