import pytest

from notifications.models import Segment
from tests.factories import CampaignFactory, ConsentFactory, CustomerFactory, SegmentFactory

RULE = {"field": "customer.country", "op": "in", "value": ["GB"]}


def test_a_segment_is_created_read_listed_and_counted(api):
    created = api.post("/api/v1/segments/", {"name": "British", "rule": RULE})
    assert created.status_code == 201
    assert created.json()["sentence"] == "Customers whose country is GB."
    url = f"/api/v1/segments/{created.json()['id']}/"
    assert api.get(url).json() == created.json() == api.get("/api/v1/segments/").json()["results"][0]
    CustomerFactory.create_batch(2, country="GB")
    assert api.get(f"{url}count/").json()["count"] == 2
    chinese = api.get(url, headers={"Accept-Language": "zh-hans"})
    assert chinese.json()["sentence"] == "满足以下条件的客户：国家为 GB。"


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ({"all": [RULE, {"event": "view", "within_days": 0}]}, "all[1].within_days: must be a whole number"),
        ({"segment": "British"}, "segment: refers back to itself"),
        (None, ""),
    ],
)
def test_faults_of_a_rule_are_named_at_their_place(api, rule, fault):
    answer = api.post("/api/v1/segments/", {"name": "British", "rule": rule})
    assert answer.status_code == 400
    assert answer.json()["rule"][0].startswith(fault)
    assert not Segment.objects.exists()


def test_a_rule_that_broke_is_still_listed_and_cannot_be_counted(api):
    broken = SegmentFactory(rule={"segment": "Gone"})
    assert api.get(f"/api/v1/segments/{broken.pk}/").json()["sentence"] is None
    answer = api.get(f"/api/v1/segments/{broken.pk}/count/")
    assert (answer.status_code, list(answer.json())) == (400, ["rule"])


def test_a_count_tells_what_a_campaign_would_reach_and_warns(api):
    segment = SegmentFactory(rule=RULE)
    url = f"/api/v1/segments/{segment.pk}/count/"
    assert api.get(url).json()["warnings"][0].startswith("Nobody matches.")
    for number in range(4):
        customer = CustomerFactory(country="GB")
        if number:
            ConsentFactory(customer=customer, channel="email")
    told = api.get(url, {"hold_out_percent": 0}).json()
    funnel = {"matched": 4, "consented": 3, "suppressed": 0, "capped": 0, "held_out": 0, "will_receive": 3}
    assert told["funnel"] == funnel
    assert told["warnings"][0].startswith("Everyone matches.")
    CustomerFactory(country="FR")
    told = api.get(url, {"hold_out_percent": 50}).json()
    assert told["warnings"] == []
    assert told["funnel"]["held_out"] + told["funnel"]["will_receive"] == 3
    assert api.get(url, {"channel": "smoke"}).status_code == 400
    assert api.get(url, {"hold_out_percent": "NaN"}).status_code == 400


def test_a_segment_is_changed_and_deleted_unless_it_is_used(api):
    loyal = SegmentFactory(name="Loyal", rule=RULE)
    url = f"/api/v1/segments/{loyal.pk}/"
    assert api.patch(url, {"rule": {"consent": "email"}}).json()["rule"] == {"consent": "email"}
    both = SegmentFactory(name="Both", rule={"all": [RULE, {"segment": "Loyal"}]})
    assert "used under this name by: Both" in api.patch(url, {"name": "Faithful"}).json()["name"][0]
    answer = api.delete(url)
    assert (answer.status_code, answer.json()["detail"]) == (409, "It is used by: the segment “Both”.")
    campaign = CampaignFactory(segment=both)
    assert "the campaign" in api.delete(f"/api/v1/segments/{both.pk}/").json()["detail"]
    campaign.delete()
    assert api.delete(f"/api/v1/segments/{both.pk}/").status_code == 204
    assert api.put(url, {"name": "Faithful", "rule": RULE}).json()["name"] == "Faithful"
    assert api.delete(url).status_code == 204


def test_a_change_that_would_close_a_circle_is_refused_at_the_rule(api):
    first = SegmentFactory(name="A", rule=RULE)
    SegmentFactory(name="B", rule={"not": {"segment": "A"}})
    answer = api.patch(f"/api/v1/segments/{first.pk}/", {"rule": {"any": [RULE, {"segment": "B"}]}})
    assert answer.status_code == 400
    assert "any[1].segment: “B”: not.segment: refers back to itself: A → B → A" in answer.json()["rule"][0]
    first.refresh_from_db()
    assert first.rule == RULE


def test_some_members_of_a_segment(api):
    for number in range(3):
        CustomerFactory(external_id=f"c{number}", country="GB")
    url = f"/api/v1/segments/{SegmentFactory(rule=RULE).pk}/members/"
    found = api.get(url).json()["members"]
    assert {member["external_id"] for member in found} == {"c0", "c1", "c2"}
    assert "email" not in found[0]
    assert len(api.get(url, {"size": 2}).json()["members"]) == 2
    assert api.get(url, {"size": 1000}).status_code == 400


def test_a_rule_is_explained_before_it_is_saved(api):
    assert api.post("/api/v1/segments/explain/", {"rule": RULE}).json() == {
        "en": "Customers whose country is GB.",
        "zh": "满足以下条件的客户：国家为 GB。",
    }
    answer = api.post("/api/v1/segments/explain/", {"rule": {"all": []}})
    assert (answer.status_code, answer.json()["rule"]) == (400, ["all: must be a list of at least one rule"])


def test_a_rule_nested_without_end_is_refused(api):
    deep = '{"not": ' * 5_000 + "{}" + "}" * 5_000
    for url in ("/api/v1/segments/", "/api/v1/segments/explain/"):
        answer = api.post(url, f'{{"name": "x", "rule": {deep}}}', content_type="application/json")
        assert answer.status_code == 400
