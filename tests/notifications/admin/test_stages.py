"""How the admin leads on: the way of a campaign, empty lists, and a report that has nothing to say yet."""

import pytest
from django.urls import reverse

from notifications.admin.stages import stages_of
from notifications.choices import CampaignStatus
from notifications.models import Campaign
from tests.factories import CampaignFactory, SegmentFactory

NOW = {
    CampaignStatus.DRAFT: "Preview and test",
    CampaignStatus.IN_REVIEW: "Approve",
    CampaignStatus.APPROVED: "Launch",
    CampaignStatus.SCHEDULED: "Send",
    CampaignStatus.RUNNING: "Send",
    CampaignStatus.PAUSED: "Send",
    CampaignStatus.COMPLETED: "Report",
    CampaignStatus.STOPPED: "Report",
}


@pytest.mark.parametrize("status", CampaignStatus)
def test_the_way_says_what_comes_next_in_every_status(status, settings):
    settings.CAMPAIGN_APPROVALS = True
    stages = stages_of(Campaign(status=status))
    labels = [str(stage.label) for stage in stages]
    assert labels == ["Compose", "Preview and test", "Approve", "Launch", "Send", "Report"]
    (now,) = [str(stage.label) for stage in stages if stage.state == "now"]
    assert now == NOW[status]
    place = labels.index(now)
    assert {stage.state for stage in stages[:place]} <= {"done"}
    assert {(stage.state, stage.url) for stage in stages[place + 1 :]} <= {("ahead", "")}


@pytest.mark.parametrize("status", CampaignStatus)
def test_without_approvals_there_is_no_step_for_them(status, settings):
    settings.CAMPAIGN_APPROVALS = False
    stages = stages_of(Campaign(status=status))
    assert "Approve" not in [str(stage.label) for stage in stages]
    assert [stage.state for stage in stages].count("now") == 1


@pytest.mark.parametrize("name", ["campaign", "segment", "offer", "coupon", "tier", "pointsrule", "pointsentry"])
def test_an_empty_list_says_what_to_do(admin_client, name):
    url = reverse(f"admin:notifications_{name}_changelist")
    page = admin_client.get(url)
    text = str(page.context["cl"].model_admin.empty_text)
    assert text in page.content.decode().replace("&#x27;", "'")
    assert text not in admin_client.get(url, {"q": "something"}).content.decode().replace("&#x27;", "'")


def test_a_list_with_something_in_it_says_nothing(admin_client):
    segment = SegmentFactory()
    page = admin_client.get(reverse("admin:notifications_segment_changelist"))
    assert segment.name in page.content.decode()
    assert str(page.context["cl"].model_admin.empty_text) not in page.content.decode()


def test_a_saved_segment_leads_on_to_a_campaign(admin_client):
    form = {"name": "British", "rule": '{"field": "customer.country", "op": "=", "value": "GB"}'}
    page = admin_client.post(reverse("admin:notifications_segment_add"), form, follow=True).content.decode()
    assert f"{reverse('admin:notifications_campaign_add')}?segment=" in page
    assert "Compose a campaign for it" in page


def test_a_report_without_data_claims_nothing(admin_client):
    campaign = CampaignFactory(status=CampaignStatus.RUNNING)
    page = admin_client.get(reverse("admin:notifications_campaign_report", args=[campaign.pk])).content.decode()
    assert "Nothing to report yet" in page
    for absent in ("Cannot be measured", "Intervals:", "Paid by recipients"):
        assert absent not in page
    verdict = admin_client.get(reverse("admin:notifications_campaign_verdict", args=[campaign.pk])).content.decode()
    assert "Nothing to report yet" in verdict
