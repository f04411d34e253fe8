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
    assert one == listed | {"runs": []}


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
